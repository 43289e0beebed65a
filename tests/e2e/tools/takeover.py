# SPDX-License-Identifier: Apache-2.0
"""TLS connections that make taking them over hard: every mix of TCP options, the ClientHello in
any pieces with any pause between them, odd MSS, and ends at every stage. Runs as the lab's client.

usage: takeover.py --ca F --total N [--at-once N] [--seed N] [--name HOST] [--www FOLDER]

Each connection draws from a seeded random sequence how it sends and how it ends:
  whole         a GET and a POST, both bodies compared, an orderly end
  rst_*, fin_*  the client resets or half-closes before, within or after its ClientHello, or within
                the answer; the connection must then end within --patience seconds
The last line is "N as they should be, N not"; exit status 0 when all were.
"""

import argparse
import asyncio
import collections
import hashlib
import itertools
import random
import socket
import ssl
import struct
import sys

ADDRESS, PORT = "10.10.0.20", 443
OPTIONS = ("tcp_timestamps", "tcp_sack", "tcp_window_scaling")
ENDS = ("whole",) * 12 + ("rst_before", "rst_within", "rst_after", "rst_in_body",
                          "fin_before", "fin_within", "fin_in_body")
PAUSES_S = (0, 0, 0.001, 0.01, 0.05)
MSS = (None, None, 1400, 536, 216)


def set_option(name, value):
    """A TCP setting of this namespace."""
    with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as out:
        out.write(str(value))


class Connection:
    """One TLS connection by hand: the library fills a buffer, what of it leaves when is ours."""

    def __init__(self, args, draw):
        self.args = args
        self.draw = draw
        self.port = 0
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = args.context.wrap_bio(self.incoming, self.outgoing, server_hostname=args.name)
        self.loop = asyncio.get_running_loop()
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        mss = draw.choice(MSS)
        if mss:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)

    async def send_in_pieces(self, data):
        """Whole, in pieces, or byte by byte at the front, where the headers are."""
        kind = self.draw.choice(("whole", "two", "few", "bytes"))
        places = range(1, len(data))
        few = {"whole": 0, "two": 1, "few": 4, "bytes": 0}[kind]
        cuts = sorted(self.draw.sample(places, min(few, len(places))))
        if kind == "bytes":
            cuts = list(places[:12])
        pause = self.draw.choice(PAUSES_S)
        for start, end in zip([0, *cuts], [*cuts, len(data)]):
            await self.loop.sock_sendall(self.sock, data[start:end])
            if pause:
                await asyncio.sleep(pause)

    async def flush(self):
        data = self.outgoing.read()
        if data:
            await self.loop.sock_sendall(self.sock, data)

    async def fill(self):
        data = await self.loop.sock_recv(self.sock, 65536)
        if not data:
            raise ConnectionError("the connection ended early")
        self.incoming.write(data)

    def hello(self):
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    async def handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                await self.flush()
                return
            except ssl.SSLWantReadError:
                await self.flush()
                await self.fill()

    async def read(self):
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                await self.flush()
                await self.fill()

    async def answer(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self.read()
        head, _, body = data.partition(b"\r\n\r\n")
        size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:"))
        while len(body) < size:
            body += await self.read()
        return body

    async def get(self, path):
        self.tls.write(f"GET {path} HTTP/1.1\r\nHost: {self.args.name}\r\n\r\n".encode())
        await self.flush()

    async def whole(self):
        await self.get("/bulk-16k")
        if hashlib.sha256(await self.answer()).hexdigest() != self.args.digest:
            raise ValueError("the download is not the same bytes")
        body = self.draw.randbytes(self.draw.randrange(1, 60000))
        self.tls.write(f"POST /echo HTTP/1.1\r\nHost: {self.args.name}\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self.flush()
        said = (await self.answer()).decode().split()
        if said != [hashlib.sha256(body).hexdigest(), str(len(body))]:
            raise ValueError("the upload is not the same bytes")

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def half_close(self):
        """FIN, and then the far end must end it too, by FIN or RST."""
        self.sock.shutdown(socket.SHUT_WR)
        try:
            while await self.loop.sock_recv(self.sock, 65536):
                pass
        except ConnectionResetError:
            pass

    async def end(self, how):
        if how == "rst":
            self.reset()
        else:
            await self.half_close()

    async def run(self, ending):
        how, _, stage = ending.partition("_")
        try:
            await self.loop.sock_connect(self.sock, (ADDRESS, PORT))
            self.port = self.sock.getsockname()[1]
            if stage == "before":
                return await self.end(how)
            hello = self.hello()
            if stage == "within":
                await self.send_in_pieces(hello[:self.draw.randrange(2, len(hello))])
                return await self.end(how)
            await self.send_in_pieces(hello)
            if stage == "after":
                return await self.end(how)
            await self.handshake()
            if stage == "in_body":
                await self.get("/bulk-1m")
                await self.read()
                return await self.end(how)
            return await self.whole()
        finally:
            self.sock.close()


async def one(args, seed, faults, done):
    draw = random.Random(seed)
    ending = draw.choice(ENDS)
    connection = Connection(args, draw)
    try:
        await asyncio.wait_for(connection.run(ending), args.patience)
        done[ending] += 1
        return
    except asyncio.TimeoutError:
        text = f"{ending}: hung for {args.patience} s"
    except (OSError, ssl.SSLError, ValueError) as err:
        text = f"{ending}: {type(err).__name__}: {err}"[:140]
    faults[text] += 1
    print(f"seed {seed}, port {connection.port}: {text}", flush=True)


async def batch(args, seeds, faults, done):
    left = iter(seeds)

    async def worker():
        for seed in left:
            await one(args, seed, faults, done)
    await asyncio.gather(*(worker() for _ in range(args.at_once)))


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ca", required=True)
    parser.add_argument("--total", type=int, required=True)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="shop.test")
    parser.add_argument("--www", required=True)
    parser.add_argument("--patience", type=float, default=45.0)
    args = parser.parse_args()
    args.context = ssl.create_default_context(cafile=args.ca)
    with open(args.www + "/bulk-16k", "rb") as src:
        args.digest = hashlib.sha256(src.read()).hexdigest()
    return args


def main():
    args = parse_args()
    faults, done = collections.Counter(), collections.Counter()
    mixes = list(itertools.product((0, 1), repeat=len(OPTIONS)))
    try:
        for number, mix in enumerate(mixes):
            for name, value in zip(OPTIONS, mix):
                set_option(name, value)
            seeds = range(args.seed * 1000003 + number, args.seed * 1000003 + args.total, len(mixes))
            asyncio.run(batch(args, seeds, faults, done))
    finally:
        for name in OPTIONS:
            set_option(name, 1)
    for text, count in faults.most_common(20):
        print(f"{count} x {text}")
    print(", ".join(f"{n} {e}" for e, n in sorted(done.items())))
    bad = sum(faults.values())
    print(f"{sum(done.values())} as they should be, {bad} not")
    return 1 if bad or sum(done.values()) != args.total else 0


if __name__ == "__main__":
    sys.exit(main())
