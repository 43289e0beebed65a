# SPDX-License-Identifier: Apache-2.0
"""Strikes processes of the box under traffic and watches what the clients notice. Runs as the
lab's client.

usage: strike.py LAB --ca F [--victim TITLE] [--signal KILL|STOP|TERM] [--seconds S] [--rate N]

Under way from the start: one plain HTTP download that no policy names, new HTTPS connections at
--rate a second, and one HTTPS connection that is held open. After two seconds every process whose
title begins with "tpsd: TITLE" (all of them without --victim) gets the signal. Checked:

  plain      the download is whole, and by both ends' kernels no segment of it was lost
  new        each connection begun after the strike has its answer within 3.5 s
  held       the connection held open still works, or its end is told within 5 s: it does not hang

Exit status 0 when all held.
"""

import argparse
import hashlib
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from lablib.box import Box, cmdline  # noqa: E402
from lablib.lab import Lab  # noqa: E402

SERVER, NAME = "10.10.0.20", "shop.test"
STRIKE_AT_S, NEW_LIMIT_S, HELD_LIMIT_S = 2.0, 3.5, 5.0


def lost(connection, server_namespace):
    """How many segments of a connection were lost on each end's way: those sent again, less those
    that the other end says it had already (a busy machine makes a kernel ask twice):
    [client's, server's]."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 224)
    port = connection.getsockname()[1]
    out = subprocess.run(["nsenter", f"--net=/run/netns/{server_namespace}", "ss", "-Htin",
                          f"dport = :{port}"], capture_output=True, text=True, check=True).stdout
    if "cubic" not in out:
        raise ConnectionError("the server's kernel does not know the connection any more")
    again, had = (struct.unpack_from("<I", info, at)[0] for at in (100, 216))
    return [max(0, again - had),
            max(0, first_number(r" retrans:\d+/(\d+)", out) - first_number(r" dsack_dups:(\d+)", out))]


def first_number(pattern, text):
    match = re.search(pattern, text)
    return int(match.group(1)) if match else 0


def get(connection, path, keep=False):
    end = "keep-alive" if keep else "close"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: {end}\r\n\r\n".encode())


def read_answer(connection):
    """Reads one answer of known length; its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("ended before its answer")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:"))
    while len(body) < size:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("ended within its answer")
        body += part
    return body


class Strike:
    def __init__(self, args):
        self.args = args
        self.context = ssl.create_default_context(cafile=args.ca)
        self.struck = None  # time of the strike
        self.begun = time.monotonic()
        self.new = []  # (begun, seconds or None, fault)
        self.faults = []

    def tls(self, limit_s):
        raw = socket.create_connection((SERVER, 443), limit_s)
        raw.settimeout(limit_s)
        return self.context.wrap_socket(raw, server_hostname=NAME)

    def plain(self):
        """One long connection with a request every 10 ms, so that any loss shows at once."""
        digest = None
        try:
            with socket.create_connection((SERVER, 80), 5) as connection:
                connection.settimeout(5)
                while time.monotonic() < self.begun + self.args.seconds:
                    get(connection, "/bulk-16k", keep=True)
                    body = hashlib.sha256(read_answer(connection)).digest()
                    digest = digest or body
                    if body != digest:
                        self.faults.append("plain: an answer differs from the first")
                    time.sleep(0.01)
                missing = lost(connection, f"sl-{self.args.lab}-server")
                print(f"plain: segments of client and server that were lost: {missing}")
                if any(missing):
                    self.faults.append(f"plain: packets were lost: {missing}")
        except OSError as err:
            self.faults.append(f"plain: {err}")

    def one_new(self):
        begun = time.monotonic()
        try:
            with self.tls(NEW_LIMIT_S * 2) as connection:
                get(connection, "/bulk-16k")
                read_answer(connection)
            self.new.append((begun, time.monotonic() - begun, None))
        except OSError as err:
            self.new.append((begun, None, f"{type(err).__name__}: {err}"))

    def held(self):
        try:
            connection = self.tls(HELD_LIMIT_S)
            get(connection, "/", keep=True)
            read_answer(connection)
            while not self.struck:
                time.sleep(0.02)
            time.sleep(0.2)
            get(connection, "/", keep=True)
            read_answer(connection)
        except socket.timeout:
            self.faults.append(f"held: nothing was heard on it for {HELD_LIMIT_S} s")
        except OSError:
            pass  # told of its end

    def strike(self):
        titles = f"tpsd: {self.args.victim}" if self.args.victim else "tpsd"
        lab = Lab(self.args.lab)
        victims = [p for p in Box(self.args.lab, lab.tracked).processes()
                   if cmdline(p).startswith(titles)]
        if not victims:
            self.faults.append(f"no process '{titles}' to strike")
        self.struck = time.monotonic()
        for pid in victims:
            os.kill(pid, getattr(signal, "SIG" + self.args.signal))

    def run(self):
        threads = [threading.Thread(target=self.plain), threading.Thread(target=self.held)]
        for thread in threads:
            thread.start()
        while time.monotonic() < self.begun + self.args.seconds:
            threads.append(threading.Thread(target=self.one_new))
            threads[-1].start()
            if not self.struck and time.monotonic() > self.begun + STRIKE_AT_S:
                self.strike()
            time.sleep(1 / self.args.rate)
        for thread in threads:
            thread.join()

    def judge(self):
        before = [n for n in self.new if n[0] < self.struck]
        after = [n for n in self.new if n[0] >= self.struck]
        for begun, seconds, fault in after:
            if fault or seconds > NEW_LIMIT_S:
                self.faults.append(f"new: begun {begun - self.struck:.2f} s after the strike: "
                                   f"{fault or f'{seconds:.2f} s'}")
        early = [n for n in before if n[2] and n[0] < self.struck - 1]
        self.faults += [f"new: failed before the strike: {n[2]}" for n in early]
        slowest = max((n[1] for n in after if n[1]), default=0)
        cut = sum(1 for n in before if n[2]) - len(early)
        print(f"{len(after)} connections begun after the strike, the slowest took {slowest:.2f} s; "
              f"{cut} under way were ended by it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("--ca", required=True)
    parser.add_argument("--victim", default="")
    parser.add_argument("--signal", choices=["KILL", "STOP", "TERM"], default="KILL")
    parser.add_argument("--seconds", type=float, default=9.0)
    parser.add_argument("--rate", type=float, default=10.0)
    args = parser.parse_args()
    strike = Strike(args)
    strike.run()
    strike.judge()
    for text in strike.faults:
        print(text)
    print(f"{len(strike.faults)} faults")
    return 1 if strike.faults else 0


if __name__ == "__main__":
    sys.exit(main())
