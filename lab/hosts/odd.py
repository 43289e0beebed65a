# SPDX-License-Identifier: Apache-2.0
"""Servers on port 443 that do not speak TLS as they should, each on an address of its own:

  --plain ADDRESS       no TLS: says each line again
  --first ADDRESS       no TLS: greets at once, as mail servers do, and answers each line
  --silent ADDRESS      takes everything and never says a word
  --malformed ADDRESS   TLS 1.2 up to a certificate that is none
"""

import argparse
import asyncio
import os

LINE_MAX = 4096
PATIENCE_S = 120


async def plain(reader, writer):
    while line := await reader.readline():
        writer.write(b"you said: " + line)
        await writer.drain()


async def first(reader, writer):
    writer.write(b"220 first.test at your service\r\n")
    while line := await reader.readline():
        writer.write(b"250 " + line)
        await writer.drain()


async def silent(reader, _writer):
    while await reader.read(LINE_MAX):
        pass


def _vector(size, data):
    return len(data).to_bytes(size, "big") + data


def _message(kind, body):
    return bytes([kind]) + _vector(3, body)


def malformed_flight():
    """ServerHello (TLS 1.2, ECDHE-ECDSA-AES128-GCM-SHA256), Certificate with bytes that are no DER,
    ServerHelloDone, in one record (RFC 5246 section 7.4)."""
    no_certificate = b"\x30\x82\x01\x00this is no certificate"
    hello = _message(2, b"\x03\x03" + os.urandom(32) + b"\x00" + b"\xc0\x2b" + b"\x00" +
                     _vector(2, b"\xff\x01\x00\x01\x00"))
    flight = hello + _message(11, _vector(3, _vector(3, no_certificate))) + _message(14, b"")
    return b"\x16\x03\x03" + _vector(2, flight)


async def malformed(reader, writer):
    header = await reader.readexactly(5)
    await reader.readexactly(int.from_bytes(header[3:], "big"))
    writer.write(malformed_flight())
    await writer.drain()
    await reader.read(LINE_MAX)


KINDS = {"plain": plain, "first": first, "silent": silent, "malformed": malformed}


def handler(speak):
    async def handle(reader, writer):
        try:
            await asyncio.wait_for(speak(reader, writer), PATIENCE_S)
        except (OSError, EOFError, ValueError, asyncio.TimeoutError):
            pass
        finally:
            writer.close()
    return handle


async def serve(args):
    servers = [await asyncio.start_server(handler(speak), getattr(args, kind), 443, limit=LINE_MAX)
               for kind, speak in KINDS.items() if getattr(args, kind)]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main():
    parser = argparse.ArgumentParser()
    for kind in KINDS:
        parser.add_argument("--" + kind, metavar="ADDRESS")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
