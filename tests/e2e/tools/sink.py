#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP server that says what reached it: a line for each connection, each piece of data, each end.
With --say it speaks first. It ends by itself.

usage: sink.py [--address A] [--port N] [--say TEXT] [--seconds N]
"""

import argparse
import selectors
import socket
import time


def tell(number, what):
    print(f"{number} {what}", flush=True)


def serve(args):
    listener = socket.create_server((args.address, args.port), backlog=64)
    chooser = selectors.DefaultSelector()
    chooser.register(listener, selectors.EVENT_READ, 0)
    print("listening", flush=True)
    end, opened = time.monotonic() + args.seconds, 0
    while time.monotonic() < end:
        for key, _ in chooser.select(max(0.0, end - time.monotonic())):
            if key.data == 0:
                conn, peer = listener.accept()
                opened += 1
                tell(opened, f"open {peer[0]}")
                if args.say:
                    conn.sendall(args.say.encode())
                chooser.register(conn, selectors.EVENT_READ, opened)
            else:
                read(chooser, key)


def read(chooser, key):
    try:
        data = key.fileobj.recv(65536)
    except OSError as err:
        data = None
        tell(key.data, f"error {err.strerror}")
    if data:
        tell(key.data, f"data {data[:64]!r}")
        return
    if data is not None:
        tell(key.data, "fin")
    chooser.unregister(key.fileobj)
    key.fileobj.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--say", default="")
    parser.add_argument("--seconds", type=float, default=4)
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
