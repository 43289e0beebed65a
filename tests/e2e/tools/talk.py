# SPDX-License-Identifier: Apache-2.0
"""A client that says and hears lines, in the order given; without TLS, unless it is told to begin it.

usage: talk.py ADDRESS PORT WORD...    say=TEXT sends a line, hear=TEXT waits for a line with it,
                                       wait=SECONDS, ca=FILE and then tls=NAME begins TLS
"""

import socket
import ssl
import sys
import time

PATIENCE_S = 15


def main():
    address, port, *words = sys.argv[1:]
    conn = socket.create_connection((address, int(port)), PATIENCE_S)
    lines = conn.makefile("rb")
    authority = None
    for word in words:
        verb, _, text = word.partition("=")
        if verb == "wait":
            time.sleep(float(text))
        elif verb == "ca":
            authority = text
        elif verb == "tls":
            context = ssl.create_default_context(cafile=authority)
            conn = context.wrap_socket(conn, server_hostname=text)
            lines = conn.makefile("rb")
        elif verb == "say":
            conn.sendall(text.encode() + b"\r\n")
        else:
            line = lines.readline().decode("utf-8", "replace").rstrip()
            print(line, flush=True)
            if text not in line:
                sys.exit(f"heard {line!r}, not {text!r}")
    conn.close()


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(str(error))
