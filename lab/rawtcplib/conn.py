# SPDX-License-Identifier: Apache-2.0
"""One TCP connection spoken by hand. By itself it behaves: it acknowledges, repeats what got lost,
puts what comes in order. Each way of misbehaving is asked for by a script, a step at a time.
"""

import random
import time

from . import frames as fr

MASK = 0xFFFFFFFF
RETRY_S, RETRIES, REPEATED = 0.3, 8, 128
IN_FLIGHT_MAX = 48 << 10
SEGMENT = 1400


def distance(a, b):
    """How far sequence number a is after b, signed."""
    return ((a - b + 0x80000000) & MASK) - 0x80000000


class Ended(Exception):
    """The connection is no more: reset, closed, silent (its text is one of these words)."""


class Conn:
    """`local` and `remote` are (address, port); `shape` is what surrounds every packet of it."""

    def __init__(self, link, name, local, remote, shape, trace):
        self.link = link
        self.name = name
        self.local, self.remote = local, remote
        self.shape = shape
        self.trace = trace
        self.dst_mac = None
        self.around = None  # (vlan ids, tunnel) that packets to us must have; None: any
        self.mss = SEGMENT
        self.serial = random.randrange(1, 60000)
        self.quiet = False  # no acknowledgement, no repetition
        self.history = []   # every packet that came
        self.looked_at = 0  # how many of them an `expect` has passed
        self.reset_state()

    def reset_state(self):
        """Forgets the connection, so that the same tuple can begin another."""
        self.isn = self.next = self.una = random.randrange(1 << 32)
        self.peer_isn = None
        self.expected = 0
        self.parts = {}
        self.data = b""
        self.unacked = []  # (first, length, flags, payload, how, [time, turns])
        self.timestamps = False
        self.peer_ts = 0
        self.peer_fin = self.peer_rst = False
        self.fin_sent = False

    # What comes

    def is_mine(self, seen):
        src, sport, dst, dport = seen.ends
        if (dst, dport) != self.local or (src, sport) != self.remote:
            return False
        return self.around is None or seen.around == self.around

    def receive(self, seen):
        self.history.append(seen)
        self.show("<", seen.flags, seen.seq - (self.peer_isn or seen.seq), seen.ack - self.isn,
                  seen.payload)
        if seen.flags & fr.FLAGS["R"]:
            self.peer_rst = True
            return
        if 8 in seen.options and len(seen.options[8]) == 8:
            self.peer_ts = int.from_bytes(seen.options[8][:4], "big")
        if seen.flags & fr.FLAGS["S"]:
            self.peer_isn = seen.seq
            self.expected = (seen.seq + 1) & MASK
            if 8 not in seen.options:
                self.timestamps = False
        if seen.flags & fr.FLAGS["A"] and distance(seen.ack, self.una) > 0:
            self.una = seen.ack
            self.unacked = [u for u in self.unacked
                            if distance((u[0] + u[1]) & MASK, self.una) > 0]
        self.receive_data(seen)

    def receive_data(self, seen):
        before = (self.expected, self.peer_fin)
        if seen.payload and self.peer_isn is not None:
            self.parts[seen.seq] = max(self.parts.get(seen.seq, b""), seen.payload, key=len)
        fin_at = (seen.seq + len(seen.payload)) & MASK if seen.flags & fr.FLAGS["F"] else None
        moved = True
        while moved:
            moved = False
            for seq, part in sorted(self.parts.items()):
                skip = distance(self.expected, seq)
                if 0 <= skip:
                    del self.parts[seq]
                    self.data += part[skip:]
                    self.expected = (self.expected + len(part[skip:])) & MASK
                    moved = moved or skip < len(part)
        if fin_at is not None and fin_at == self.expected and not self.peer_fin:
            self.peer_fin = True
            self.expected = (self.expected + 1) & MASK
        repeated = seen.payload or seen.flags & fr.FLAGS["F"]
        if not self.quiet and (before != (self.expected, self.peer_fin) or repeated):
            self.packet({"flags": "A"})

    def show(self, way, flags, seq, ack, payload):
        if self.trace:
            self.trace.write(f"{time.monotonic():.3f} {self.name} {way} {fr.flag_text(flags)} "
                             f"seq={seq & MASK} ack={ack & MASK} len={len(payload)}\n")

    # What goes

    def option_words(self, flags, how):
        if "options" in how:
            return how["options"]
        if flags & fr.FLAGS["S"]:
            return self.shape.get("options", ["mss:1460", "sack", "ts", "wscale:7"])
        return ["ts"] if self.timestamps else []

    def packet(self, how, seq=None, ack=None, payload=b""):
        """Sends one packet now, outside of what is repeated."""
        shape = {**self.shape, **how}
        flags = fr.flag_bits(shape.get("flags", "A"))
        seq = self.next if seq is None else seq
        if ack is None:
            ack = self.expected if flags & fr.FLAGS["A"] else 0
        now = int(time.monotonic() * 1000) + shape.get("ts", 0)
        options = fr.option_bytes(self.option_words(flags, how), now, self.peer_ts)
        ends = (*self.local, *self.remote)
        segment = fr.tcp(ends, (seq & MASK, ack & MASK), flags, shape.get("window", 60000), options,
                         payload, shape)
        self.serial += 1
        self.show(">", flags, seq - self.isn, ack - (self.peer_isn or ack), payload)
        for frame in fr.frames((self.dst_mac, self.link.mac), ends, segment, shape, self.serial):
            self.link.send(frame)

    def queue(self, flags, payload, how):
        """Sends what takes room in the sequence and is repeated until acknowledged."""
        length = len(payload) + (1 if flags & 3 else 0)
        how = {**how, "flags": fr.flag_text(flags)}
        self.unacked.append((self.next, length, flags, payload, how, [time.monotonic(), 0]))
        seq = self.next
        self.next = (self.next + length) & MASK
        return seq, how

    def repeat(self):
        now = time.monotonic()
        for first, _, _, payload, how, turns in self.unacked[:REPEATED]:
            if now - turns[0] > RETRY_S * (turns[1] + 1) and turns[1] < RETRIES:
                turns[0], turns[1] = now, turns[1] + 1
                self.packet(how, first, None, payload)

    def pump(self, until, seconds, ended=True):
        """Runs until `until()` is true; False when `seconds` went by. Ended when it was reset."""
        end = time.monotonic() + seconds
        while not until():
            if ended and self.peer_rst:
                raise Ended("reset")
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.link.poll(min(left, 0.05))
            if not self.quiet:
                self.repeat()
        return True

    # Steps of a connection

    def open(self, how, payload, seconds, last_ack=True, behind=lambda: None):
        """SYN, SYN-ACK, ACK. `payload` is data in the SYN; `how` shapes the SYN alone. Without
        `last_ack` the first data completes the handshake. `behind` sends what goes right behind
        the SYN."""
        flags = fr.flag_bits(how.get("flags", "S"))
        words = self.option_words(flags, how)
        self.timestamps = "ts" in words
        seq, sent = self.queue(flags, payload, how)
        self.packet(sent, seq, 0, payload)
        behind()
        if not self.pump(lambda: self.peer_isn is not None, seconds):
            raise Ended("silent")
        if last_ack:
            self.packet({"flags": "A"}, (self.isn + 1) & MASK if payload else None)
        if payload and self.una == (self.isn + 1) & MASK:
            # The data of the SYN was not taken: it goes again as an ordinary segment.
            self.next = self.una
            self.unacked = []
            self.write(payload, {})

    def accept(self, how, seconds):
        """SYN of the other end, SYN-ACK, its ACK."""
        if not self.pump(lambda: self.peer_isn is not None, seconds):
            raise Ended("silent")
        self.timestamps = 8 in self.history[-1].options
        seq, sent = self.queue(fr.flag_bits("SA"), b"", {"flags": "SA", **how})
        self.packet(sent, seq)
        if not self.pump(lambda: not self.unacked, seconds):
            raise Ended("silent")

    def write(self, data, how):
        """Sends bytes of the stream, cut and disordered as `how` says, and waits for nothing but
        room. Keys beside those of a shape: cut, order, gap, twice, decoy."""
        pieces, at = [], 0
        sizes = how.get("cut", self.mss)
        sizes = list(sizes) if isinstance(sizes, list) else [sizes] * (len(data) // sizes + 1)
        while at < len(data):
            size = sizes.pop(0) if sizes else len(data)
            pieces.append(data[at:at + size])
            at += size
        shape = {k: v for k, v in how.items() if k in fr.SHAPE}
        sending = []
        for piece in pieces:
            if how.get("order", "forward") == "forward":
                self.pump(lambda: distance(self.next, self.una) < IN_FLIGHT_MAX, 10)
            sending.append((*self.queue(fr.flag_bits(how.get("flags", "PA")), piece, shape), piece))
            if how.get("order", "forward") == "forward":
                self.send_piece(*sending[-1], how)
        if how.get("order") in ("reversed", "last_first"):
            back = sending[::-1] if how["order"] == "reversed" else sending[-1:] + sending[:-1]
            for item in back:
                self.send_piece(*item, how)

    def send_piece(self, seq, shape, payload, how):
        """One segment, with its false twin before or after it when the step wants one."""
        decoy = how.get("decoy")
        if decoy and not decoy.get("after"):
            self.send_decoy(seq, payload, decoy)
        for _ in range(2 if how.get("twice") else 1):
            self.packet(shape, seq, None, payload)
        if decoy and decoy.get("after"):
            self.send_decoy(seq, payload, decoy)
        if how.get("gap"):
            self.pump(lambda: False, how["gap"])

    def send_decoy(self, seq, payload, decoy):
        """A segment over the same sequence numbers with other bytes, and what makes it false."""
        shape = {k: v for k, v in decoy.items() if k in fr.SHAPE}
        fill = str(decoy.get("fill", "X")).encode()
        text = (fill * (len(payload) // len(fill) + 1))[:len(payload)]
        self.packet({**shape, "flags": decoy.get("flags", "PA")}, seq + decoy.get("seq", 0), None,
                    text)

    def finish(self, how):
        seq, sent = self.queue(fr.flag_bits(how.get("flags", "FA")), b"", how)
        self.fin_sent = True
        self.packet(sent, seq)
