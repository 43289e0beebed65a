# SPDX-License-Identifier: Apache-2.0
"""A steady user: new HTTPS connections at a fixed rate, each a line of JSON with when it began, how
long it took and what went wrong. Runs in the client's namespace until its time is over.

usage: steady.py ADDRESS NAME CA.pem RATE SECONDS
"""

import json
import socket
import ssl
import sys
import threading
import time

TIMEOUT_S = 8.0


def get(address, name, context):
    """One request on a connection of its own; the error's text, "" when it was served whole."""
    try:
        with socket.create_connection((address, 443), TIMEOUT_S) as raw:
            with context.wrap_socket(raw, server_hostname=name) as conn:
                conn.sendall(f"GET /whoami HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while part := conn.recv(65536):
                    answer += part
        return "" if answer.startswith(b"HTTP/1.1 200 ") else "answer " + repr(answer[:40])
    except OSError as err:
        return f"{type(err).__name__}: {err}"


def one(began, address, name, context, lock):
    start = time.monotonic()
    error = get(address, name, context)
    line = {"at": round(start - began, 3), "took": round(time.monotonic() - start, 3), "error": error}
    with lock:
        print(json.dumps(line), flush=True)


def main():
    address, name, ca, rate, seconds = sys.argv[1:6]
    context = ssl.create_default_context(cafile=ca)
    began, lock, threads = time.monotonic(), threading.Lock(), []
    for number in range(int(float(rate) * float(seconds))):
        time.sleep(max(0.0, began + number / float(rate) - time.monotonic()))
        threads.append(threading.Thread(target=one, args=(began, address, name, context, lock)))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
