#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Opens TCP connections, says nothing on them, and closes them after a while. Runs as the client.

usage: idle.py --count N [--seconds S] [--to ADDRESS:PORT]
"""

import argparse
import resource
import socket
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--to", default="10.10.0.20:443")
    args = parser.parse_args()
    address, port = args.to.split(":")
    resource.setrlimit(resource.RLIMIT_NOFILE, (args.count + 100, args.count + 100))
    held, refused = [], 0
    for _ in range(args.count):
        try:
            held.append(socket.create_connection((address, int(port)), timeout=5))
        except OSError:
            refused += 1
    print(f"{len(held)} open, {refused} not", flush=True)
    time.sleep(args.seconds)


if __name__ == "__main__":
    main()
