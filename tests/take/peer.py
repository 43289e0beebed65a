#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The two ends of the connections that tests/take/run makes: `peer.py server` and `peer.py client`.

Both know from a connection's first line what each is to send, so each checks every byte and the way
the connection ends. The client prints one JSON line: counts and the first failures.
"""

import asyncio
import json
import random
import socket
import struct
import sys

PORTS = range(443, 447)  # 444: the server speaks too, at once
SPEAKS_FIRST = 444
BANNER = b"BANNER of the server\n"
PATIENCE_S = 40


def content(seed, length):
    return random.Random(seed).randbytes(length)


def set_reset(writer):
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def read_all(reader, expected, what):
    got = await reader.readexactly(len(expected)) if expected else b""
    if got != expected:
        raise AssertionError(f"{what}: {len(expected)} bytes differ from what was sent")


async def expect_eof(reader, what):
    rest = await reader.read(1)
    if rest:
        raise AssertionError(f"{what}: bytes behind the end")


async def expect_reset(reader, what, writer=None):
    """`writer`: asks now and then, since a RST that was lost is not sent again by itself."""
    while True:
        try:
            if not await asyncio.wait_for(reader.read(65536), 1):
                break
        except asyncio.TimeoutError:
            if writer:
                writer.write(b"?")
        except ConnectionError:
            return
    raise AssertionError(f"{what}: an orderly end instead of a reset")


async def serve(reader, writer):
    # Until it has said which one it is, a connection is known by its client's port.
    case = {"seed": str(writer.get_extra_info("peername")[1]), "end": ""}
    try:
        if writer.get_extra_info("sockname")[1] == SPEAKS_FIRST:
            writer.write(BANNER)
        line = (await reader.readline()).decode().split()
        if not line:
            return
        case = dict(item.split("=") for item in line[1:] if "=" in item)
        seed, up, down, end = (case[k] for k in ("seed", "up", "down", "end"))
        up_bytes, down_bytes = content(seed + "u", int(up)), content(seed + "d", int(down))
        if end == "half":
            await read_all(reader, up_bytes, "server")
            await expect_eof(reader, "server")
            writer.write(down_bytes)
            await writer.drain()
        else:
            writer.write(down_bytes)
            await read_all(reader, up_bytes, "server")
            await writer.drain()
        if end == "server_rst":
            set_reset(writer)
            writer.transport.abort()
            return
        if end == "client_rst":
            await expect_reset(reader, "server", writer)
        elif end == "client_fin":
            await expect_eof(reader, "server")
        OUTCOMES[seed] = "ok"
    except (AssertionError, OSError, asyncio.IncompleteReadError) as error:
        # A client that resets gives up what was lost and not sent again yet, or is still held.
        early = isinstance(error, ConnectionError) and case["end"] in ("client_rst", "")
        OUTCOMES[case["seed"]] = "ok" if early else repr(error)
    finally:
        writer.close()


OUTCOMES = {}


async def report(reader, writer):
    """Another port: what the server saw of a connection, by any of its names."""
    names = (await reader.readline()).decode().split()
    outcome = None
    for _ in range(200):
        outcome = next(filter(None, (OUTCOMES.pop(name, None) for name in names)), None)
        if outcome:
            break
        await asyncio.sleep(0.05)
    writer.write((outcome or "no outcome").encode() + b"\n")
    await writer.drain()
    writer.close()


async def server():
    listeners = [await asyncio.start_server(serve, "", port, backlog=1024) for port in PORTS]
    listeners.append(await asyncio.start_server(report, "", 9000, backlog=1024))
    print("ready", flush=True)
    await asyncio.gather(*(s.serve_forever() for s in listeners))


async def send_hello(writer, line, how):
    data = line.encode()
    if how == "bytes":
        for i in range(8):
            writer.write(data[i:i + 1])
            await asyncio.sleep(0.004)
        writer.write(data[8:])
    elif how == "slow":
        writer.write(data[:6])
        await asyncio.sleep(0.08)
        writer.write(data[6:])
    else:
        writer.write(data)


async def ask_server(address, *names):
    reader, writer = await asyncio.open_connection(address, 9000)
    writer.write(" ".join(names).encode() + b"\n")
    outcome = (await reader.readline()).decode().strip()
    writer.close()
    return outcome


async def one(address, case):
    seed, end, verb = case["seed"], case["end"], case["verb"]
    port = SPEAKS_FIRST if case["first"] else random.choice([443, 445, 446])
    line = f"{verb} seed={seed} up={case['up']} down={case['down']} end={end}"
    line += " " * max(0, 80 - len(line)) + "\n"
    up_bytes, down_bytes = content(seed + "u", case["up"]), content(seed + "d", case["down"])
    reader, writer = await asyncio.open_connection(address, port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    names = [seed]
    if end == "client_rst":
        # Where the RST comes while the first bytes are held, these are gone with the connection.
        names.append(str(writer.get_extra_info("sockname")[1]))
    try:
        await send_hello(writer, line, case["how"])
        if verb == "RESET":
            await expect_reset(reader, "client", writer)
            return
        if case["first"]:
            await read_all(reader, BANNER, "client")
        writer.write(up_bytes)
        if end == "half":
            await writer.drain()
            writer.write_eof()
        await read_all(reader, down_bytes, "client")
        await writer.drain()
        if end == "client_rst":
            await asyncio.sleep(0.01)
            set_reset(writer)
            writer.transport.abort()
        elif end == "server_rst":
            await expect_reset(reader, "client", writer)
        elif end == "client_fin":
            writer.write_eof()
            await expect_eof(reader, "client")
        else:
            await expect_eof(reader, "client")
    finally:
        writer.close()
    if end in ("client_rst", "client_fin", "half", "server_fin"):
        outcome = await ask_server(address, *names)
        if outcome != "ok":
            raise AssertionError(f"the server saw: {outcome}")


def make_case(rng, number):
    case = {
        "seed": f"{number}x{rng.randrange(1 << 30)}",
        "verb": rng.choices(["TAKE", "MORE", "FORWARD", "RESET"], [70, 15, 10, 5])[0],
        "how": rng.choices(["whole", "bytes", "slow"], [70, 20, 10])[0],
        "end": rng.choice(["client_fin", "server_fin", "client_rst", "server_rst", "half"]),
        "first": rng.random() < 0.15,
        "up": rng.choice([0, 1, 300, 1460, 5000, 60000]),
        "down": rng.choice([0, 1, 300, 1460, 5000, 60000, 300000]),
    }
    if case["verb"] in ("FORWARD", "RESET"):
        # The relay decides by the first bytes: they must be whole, and the client's.
        case["first"], case["how"] = False, "whole"
    if case["end"] == "server_rst":
        # Unread bytes at the far end may be lost in a reset; none is sent that is not read.
        case["down"] = 0
    if case["end"] == "client_rst":
        case["up"] = min(case["up"], 300)
    return case


async def client(address, count, width, seed):
    rng = random.Random(seed)
    gate = asyncio.Semaphore(width)
    failures = []

    async def guarded(case):
        async with gate:
            try:
                await asyncio.wait_for(one(address, case), PATIENCE_S)
            except asyncio.TimeoutError:
                failures.append([case, "hung"])
            except (AssertionError, OSError, EOFError) as error:
                failures.append([case, repr(error)])

    await asyncio.gather(*(guarded(make_case(rng, n)) for n in range(count)))
    print(json.dumps({"count": count, "failed": len(failures), "failures": failures[:10]}))


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(server())
    else:
        asyncio.run(client(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
