# SPDX-License-Identifier: Apache-2.0
"""Asks one address for many names below a domain, each on a connection of its own, as a client that
trusts one CA and says unknown_ca to every other.

usage: many_names.py --trust CA.pem --count N --expect taken|refused ADDRESS DOMAIN

Exit status 0 when every certificate was taken, or every one refused.
"""

import argparse
import concurrent.futures
import socket
import ssl
import sys

PATIENCE_S = 20
AT_ONCE = 4


def ask(address, name, context):
    """"taken", "refused" (by us, for its CA), or what else went wrong."""
    try:
        with socket.create_connection((address, 443), PATIENCE_S) as raw:
            with context.wrap_socket(raw, server_hostname=name):
                return "taken"
    except ssl.SSLCertVerificationError:
        return "refused"
    except OSError as err:
        return f"{type(err).__name__}: {err}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trust", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--expect", choices=["taken", "refused"], required=True)
    parser.add_argument("address")
    parser.add_argument("domain")
    args = parser.parse_args()
    context = ssl.create_default_context(cafile=args.trust)
    names = [f"n{n}.{args.domain}" for n in range(args.count)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        came = list(pool.map(lambda name: ask(args.address, name, context), names))
    other = [(name, what) for name, what in zip(names, came) if what != args.expect]
    print(f"{len(names) - len(other)} of {len(names)} {args.expect}")
    for name, what in other[:5]:
        print(f"{name}: {what}")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
