# SPDX-License-Identifier: Apache-2.0
"""Many HTTPS connections: each a handshake, one GET, its body compared, an orderly end.

usage: many.py --ca F --name HOST --total N --at-once N [--path P] [--same-as F] [--together]
               [--pause S] [--seconds S] [--address A] [--port N] [--processes N]

--together: all of a batch of --at-once are open and through their handshake before the first sends
its request, --pause seconds later, and stay open until the last has its answer. The last line is "N ok, N failed"; exit
status 0 when none failed. Not all done after --seconds is a failure too.
"""

import argparse
import asyncio
import collections
import hashlib
import multiprocessing
import resource
import ssl
import sys
import time


class Many:
    def __init__(self, args):
        self.args = args
        self.context = ssl.create_default_context(cafile=args.ca)
        self.ok = 0
        self.faults = collections.Counter()
        self.digest = None
        if args.same_as:
            with open(args.same_as, "rb") as src:
                self.digest = hashlib.sha256(src.read()).hexdigest()

    async def connect(self):
        return await asyncio.open_connection(self.args.address, self.args.port, ssl=self.context,
                                             server_hostname=self.args.name)

    async def request(self, reader, writer):
        writer.write(f"GET {self.args.path} HTTP/1.1\r\nHost: {self.args.name}\r\n"
                     "Connection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.read(-1)
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise ValueError(f"answer {head[:40]!r}")
        if self.digest and hashlib.sha256(body).hexdigest() != self.digest:
            raise ValueError(f"body of {len(body)} bytes is not the one expected")

    async def close(self, writer):
        writer.close()
        try:
            await writer.wait_closed()
        except (OSError, ssl.SSLError):
            pass

    async def guarded(self, part):
        """Counts a fault under its text; what `part` returned, or None."""
        try:
            return await asyncio.wait_for(part, self.args.seconds)
        except asyncio.TimeoutError:
            self.faults["time was up"] += 1
        except (OSError, ssl.SSLError, ValueError, asyncio.IncompleteReadError) as err:
            self.faults[f"{type(err).__name__}: {err}"[:120]] += 1
        return None

    async def one(self):
        pair = await self.connect()
        try:
            await self.request(*pair)
        finally:
            await self.close(pair[1])
        self.ok += 1

    async def stream(self, total):
        """`total` connections, never more than --at-once of them open."""
        left = iter(range(total))

        async def worker():
            for _ in left:
                await self.guarded(self.one())
        await asyncio.gather(*(worker() for _ in range(self.args.at_once)))

    async def batch(self, count):
        pairs = await asyncio.gather(*(self.guarded(self.connect()) for _ in range(count)))
        pairs = [p for p in pairs if p]
        await asyncio.sleep(self.args.pause)

        async def ask(pair):
            await self.request(*pair)
            self.ok += 1
        await asyncio.gather(*(self.guarded(ask(p)) for p in pairs))
        await asyncio.gather(*(self.close(p[1]) for p in pairs))

    async def run(self, total):
        if not self.args.together:
            await self.stream(total)
            return
        while total > 0:
            await self.batch(min(total, self.args.at_once))
            total -= self.args.at_once


def child(args, total, queue):
    many = Many(args)
    asyncio.run(many.run(total))
    queue.put((many.ok, dict(many.faults)))


def parse_args():
    parser = argparse.ArgumentParser()
    for name in ("--ca", "--name"):
        parser.add_argument(name, required=True)
    for name in ("--total", "--at-once"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--path", default="/bulk-16k")
    parser.add_argument("--same-as")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--address", default="10.10.0.20")
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--processes", type=int, default=1)
    return parser.parse_args()


def main():
    args = parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    started = time.monotonic()
    queue = multiprocessing.Queue()
    share = args.total // args.processes
    args.at_once = max(1, args.at_once // args.processes)
    children = [multiprocessing.Process(target=child, args=(
        args, share + (args.total % args.processes if n == 0 else 0), queue))
        for n in range(args.processes)]
    for process in children:
        process.start()
    results = [queue.get() for _ in children]
    ok = sum(r[0] for r in results)
    faults = collections.Counter()
    for _, counted in results:
        faults.update(counted)
    for text, count in faults.most_common(10):
        print(f"{count} x {text}")
    seconds = time.monotonic() - started
    print(f"{ok / seconds:.0f} a second")
    print(f"{ok} ok, {args.total - ok} failed")
    return 0 if ok == args.total else 1


if __name__ == "__main__":
    sys.exit(main())
