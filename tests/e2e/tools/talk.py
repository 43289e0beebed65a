# SPDX-License-Identifier: Apache-2.0
"""A client that speaks no TLS: says and hears lines, in the order given.

usage: talk.py ADDRESS PORT WORD...    say=TEXT sends a line, hear=TEXT waits for a line with it,
                                       wait=SECONDS
"""

import socket
import sys
import time

PATIENCE_S = 15


def main():
    address, port, *words = sys.argv[1:]
    with socket.create_connection((address, int(port)), PATIENCE_S) as conn:
        lines = conn.makefile("rb")
        for word in words:
            verb, _, text = word.partition("=")
            if verb == "wait":
                time.sleep(float(text))
            elif verb == "say":
                conn.sendall(text.encode() + b"\r\n")
            else:
                line = lines.readline().decode("utf-8", "replace").rstrip()
                print(line, flush=True)
                if text not in line:
                    sys.exit(f"heard {line!r}, not {text!r}")


if __name__ == "__main__":
    main()
