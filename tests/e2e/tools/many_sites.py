# SPDX-License-Identifier: Apache-2.0
"""Many different sites (lab/crowd.h) by many connections, a number of them at once: each must
show a certificate for its name that the trusted CA signed, and answer with its name.

usage: many_sites.py --trust CA.pem --sites N --connections N --at-once N ADDRESS

Every site is asked for once, then sites by a fixed sequence. Exit status 0 when none failed.
"""

import argparse
import concurrent.futures
import random
import socket
import ssl
import sys

PATIENCE_S = 40


def ask(address, name, context):
    """"" when the site answered with its name, else what went wrong."""
    try:
        with socket.create_connection((address, 443), PATIENCE_S) as raw:
            with context.wrap_socket(raw, server_hostname=name) as conn:
                conn.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while part := conn.recv(65536):
                    answer += part
    except OSError as err:
        return f"{name}: {type(err).__name__}: {err}"
    return "" if answer.endswith(f"This is {name}\n".encode()) else f"{name}: answered {answer[-60:]!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trust", required=True)
    for name in ("--sites", "--connections", "--at-once"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("address")
    args = parser.parse_args()
    context = ssl.create_default_context(cafile=args.trust)
    numbers = list(range(args.sites))
    numbers += random.Random(1).choices(numbers, k=args.connections - args.sites)
    with concurrent.futures.ThreadPoolExecutor(args.at_once) as pool:
        came = pool.map(lambda n: ask(args.address, f"s{n}.crowd.test", context), numbers)
        wrong = [text for text in came if text]
    print(f"{len(numbers) - len(wrong)} of {len(numbers)} connections to {args.sites} sites")
    print("\n".join(wrong[:5]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
