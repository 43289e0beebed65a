# SPDX-License-Identifier: Apache-2.0
"""One HTTPS GET with Python's own TLS, checked against a CA; prints the body.

usage: https_get.py --ca F --name HOST ADDRESS PORT PATH
"""

import argparse
import http.client
import socket
import ssl
import sys


def main():
    parser = argparse.ArgumentParser()
    for name in ("--ca", "--name"):
        parser.add_argument(name, required=True)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    args = parser.parse_args()
    context = ssl.create_default_context(cafile=args.ca)
    with socket.create_connection((args.address, args.port), 15) as raw:
        with context.wrap_socket(raw, server_hostname=args.name) as tls:
            connection = http.client.HTTPConnection(args.name)
            connection.sock = tls
            connection.request("GET", args.path, headers={"Connection": "close"})
            answer = connection.getresponse()
            sys.stdout.write(answer.read().decode())
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
