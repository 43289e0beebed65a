# SPDX-License-Identifier: Apache-2.0
"""The lab's SMTPS server: takes every message over implicit TLS and writes one JSON line for each
(peer, sender, recipients, length, sha256).

usage: smtpd.py --port N --cert F --key F --log F
"""

import argparse
import asyncio
import hashlib
import json
import ssl

from aiosmtpd.smtp import SMTP


class Recorder:
    def __init__(self, log):
        self.log = log

    async def handle_DATA(self, server, session, envelope):
        line = {"peer": session.peer[0], "from": envelope.mail_from, "to": envelope.rcpt_tos,
                "length": len(envelope.content),
                "sha256": hashlib.sha256(envelope.content).hexdigest()}
        with open(self.log, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        return "250 accepted"


async def serve(args):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(args.cert, args.key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Recorder(args.log), hostname="mail.test"),
                                      "0.0.0.0", args.port, ssl=context)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for name in ("cert", "key", "log"):
        parser.add_argument("--" + name, required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
