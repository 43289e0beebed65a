# SPDX-License-Identifier: Apache-2.0
"""Carries out a script (the format is described in docs/internals/rawtcp.md): its steps in order,
each with the keys listed in STEPS; unknown ones are errors.
"""

import random
import re
import sys
import time

from . import frames as fr
from .conn import Conn, Ended
from .tls import Tls, cut_records

WRITE = fr.SHAPE | {"cut", "order", "gap", "twice", "decoy", "flags"}
CONNECTION = {"name", "interface", "local", "remote", "mac", "quiet", "around"} | fr.SHAPE
STEPS = {
    "connect": CONNECTION,
    "use": set(),
    "open": fr.SHAPE | {"flags", "text", "tls", "within", "ack", "behind"},
    "accept": fr.SHAPE | {"within"},
    "tls": WRITE | {"sni", "alpn", "version", "suites", "ca", "cert", "key", "hello_record",
                    "within", "repeat_hello", "only_hello", "hello_text"},
    "request": WRITE | {"text", "hex", "record", "repeat", "split"},
    "send": WRITE | {"text", "hex", "repeat"},
    "packet": fr.SHAPE | {"flags", "seq", "ack", "text", "hex", "repeat", "gap"},
    "read": {"until", "within", "bytes"},
    "expect": {"flags", "within", "text", "bytes"},
    "never": {"flags", "within", "text", "bytes"},
    "finish": fr.SHAPE | {"flags"},
    "reset": fr.SHAPE | {"seq"},
    "again": set(),
    "quiet": set(),
    "sleep": set(),
    "say": set(),
    "end": {"within", "how"},
}


class Failed(Exception):
    """An expectation of the script was not met."""


def end_of(text):
    """'10.0.0.1:443' or '[2001:db8::1]:443' as (address, port)."""
    match = re.fullmatch(r"\[?([0-9a-fA-F.:]+?)\]?:(\d+)", str(text))
    if not match:
        raise fr.ScriptError(f"'{text}': write ADDRESS:PORT")
    return match.group(1), int(match.group(2))


def payload_of(step):
    """The bytes of a step: text (with \\r\\n as YAML has it) or hex, repeated."""
    data = bytes.fromhex(step["hex"]) if "hex" in step else str(step.get("text", "")).encode("latin1")
    return data * step.get("repeat", 1)


class Script:
    def __init__(self, document, link_of, trace):
        if not isinstance(document, list):
            raise fr.ScriptError("a script is a list of steps")
        self.steps = document
        self.link_of = link_of
        self.trace = trace
        self.conns = {}
        self.conn = None
        self.secure = {}

    def run(self):
        """0, or 3 when the connection in use ended before the script did."""
        for number, step in enumerate(self.steps, 1):
            verb, body = self.check(number, step)
            try:
                getattr(self, "do_" + verb)(body)
            except Ended as end:
                self.say(f"{end} in step {number} ({verb})")
                return 3
            except Failed as err:
                raise Failed(f"step {number} ({verb}): {err}") from err
        return 0

    def check(self, number, step):
        if not isinstance(step, dict) or len(step) != 1:
            raise fr.ScriptError(f"step {number}: one verb with its keys")
        verb, body = next(iter(step.items()))
        if verb not in STEPS:
            raise fr.ScriptError(f"step {number}: '{verb}' is none of {', '.join(STEPS)}")
        if STEPS[verb]:
            body = body or {}
            self.check_keys(f"step {number} ({verb})", body, STEPS[verb])
        if verb not in ("connect", "sleep", "say") and not self.conn:
            raise fr.ScriptError(f"step {number}: connect first")
        return verb, body

    def check_keys(self, where, body, known):
        unknown = set(body) - known
        if unknown:
            raise fr.ScriptError(f"{where}: unknown {', '.join(sorted(unknown))} "
                                 f"(known: {', '.join(sorted(known))})")

    def say(self, text):
        print(f"# {text}", flush=True)

    def shape_of(self, body):
        return {k: v for k, v in body.items() if k in fr.SHAPE}

    # Connections

    def do_connect(self, body):
        link = self.link_of(body.get("interface", "eth0"))
        local = str(body["local"])
        local = end_of(local) if re.search(r"\]:|^[\d.]+:", local) else (local,
                                                                        random.randrange(20000, 60000))
        name = body.get("name", "main")
        conn = Conn(link, name, local, end_of(body["remote"]), self.shape_of(body), self.trace)
        conn.quiet = bool(body.get("quiet"))
        if "around" in body:
            conn.around = (tuple(body["around"].get("vlans", [])), body["around"].get("tunnel", ""))
        link.addresses.add(local[0])
        link.connections.append(conn)
        tunnel = conn.shape.get("tunnel")
        ask = (tunnel["local"], tunnel["remote"]) if tunnel else (local[0], conn.remote[0])
        link.addresses.add(ask[0])
        conn.dst_mac = body.get("mac") or link.resolve(*ask, conn.shape.get("vlans", []))
        self.conns[name] = self.conn = conn

    def do_use(self, body):
        if body not in self.conns:
            raise fr.ScriptError(f"no connection '{body}'")
        self.conn = self.conns[body]

    def do_again(self, _):
        """The same tuple once more, from nothing."""
        self.conn.reset_state()
        self.conn.looked_at = len(self.conn.history)
        self.secure.pop(self.conn.name, None)

    def do_quiet(self, body):
        self.conn.quiet = bool(body)

    def do_open(self, body):
        how = self.shape_of(body)
        if "flags" in body:
            how["flags"] = body["flags"]
        payload = payload_of(body)
        if "tls" in body:
            tls = self.secure[self.conn.name] = Tls(self.conn, body["tls"])
            payload = tls.first_flight()
        behind = body.get("behind", [])
        for packet in behind:
            self.check_keys("behind", packet, STEPS["packet"])
        self.conn.open(how, payload, body.get("within", 4), body.get("ack", True),
                       lambda: [self.do_packet(packet) for packet in behind])

    def do_accept(self, body):
        self.conn.accept(self.shape_of(body), body.get("within", 20))

    # Streams

    def do_tls(self, body):
        how = {k: v for k, v in body.items() if k in WRITE}
        tls = self.secure.get(self.conn.name)
        if not tls:
            tls = self.secure[self.conn.name] = Tls(self.conn, body)
            if not tls.server:
                hello = tls.first_flight()
                if "hello_record" in body:
                    hello = cut_records(hello, body["hello_record"])
                self.conn.write(str(body.get("hello_text", "")).encode("latin1") + hello, how)
                how = {}
        if body.get("only_hello"):
            return
        tls.feed()
        tls.handshake(body.get("within", 4), how)
        self.say(f"tls {tls.object.version()} {tls.object.cipher()[0]}")

    def do_request(self, body):
        how = {k: v for k, v in body.items() if k in WRITE}
        tls, data, at = self.secure[self.conn.name], payload_of(body), body.get("split", 0)
        if at:
            tls.write(data[:at], body.get("record", 0), how)
            self.conn.pump(lambda: False, body.get("gap", 0.02))
        tls.write(data[at:], body.get("record", 0), how)

    def do_send(self, body):
        self.conn.write(payload_of(body), {k: v for k, v in body.items() if k in WRITE})

    def do_read(self, body):
        """Reads until a text, a count, or the end; what came goes to standard output."""
        got, within = b"", body.get("within", 3)
        tls, end = self.secure.get(self.conn.name), time.monotonic() + within
        try:
            while time.monotonic() < end:
                part = tls.read(within) if tls else self.read_plain(within)
                got += part
                if not part or str(body.get("until", "\0none")).encode() in got or \
                        len(got) >= body.get("bytes", 1 << 40):
                    break
        finally:
            sys.stdout.buffer.write(got + (b"" if got.endswith(b"\n") or not got else b"\n"))
            sys.stdout.flush()

    def read_plain(self, within):
        conn = self.conn
        if not conn.pump(lambda: conn.data or conn.peer_fin, within):
            raise Ended("silent")
        if not conn.data:
            raise Ended("closed")
        data, conn.data = conn.data, b""
        return data

    def do_finish(self, body):
        self.conn.finish(body)

    def do_end(self, body):
        """Waits for the other side to end it; `how`: closed, reset or any."""
        conn, how = self.conn, body.get("how", "any")
        ways = {"closed": lambda: conn.peer_fin, "reset": lambda: conn.peer_rst,
                "any": lambda: conn.peer_fin or conn.peer_rst}
        if how not in ways:
            raise fr.ScriptError(f"end: how '{how}': use closed, reset or any")
        if not conn.pump(ways[how], body.get("within", 3), ended=False):
            raise Failed(f"the connection did not end ({how})")
        self.say("ended: " + ("reset" if conn.peer_rst else "closed"))

    # Packets

    def do_packet(self, body):
        conn, how = self.conn, self.shape_of(body)
        how["flags"] = body.get("flags", "A")
        for _ in range(body.get("repeat", 1)):
            seq = conn.next + body["seq"] if "seq" in body else None
            ack = conn.expected + body["ack"] if "ack" in body else None
            conn.packet(how, seq, ack, payload_of({k: v for k, v in body.items() if k != "repeat"}))
            if body.get("gap"):
                conn.pump(lambda: False, body["gap"], ended=False)

    def do_reset(self, body):
        how = {**self.shape_of(body), "flags": "R"}
        self.conn.packet(how, self.conn.next + body.get("seq", 0), 0)

    def found(self, body):
        """Whether a packet fits that no step has looked at yet."""
        conn = self.conn
        for index in range(conn.looked_at, len(conn.history)):
            seen = conn.history[index]
            wanted = fr.flag_bits(body.get("flags", "0"))
            if seen.flags & wanted != wanted or len(seen.payload) < body.get("bytes", 0):
                continue
            if str(body.get("text", "")).encode() not in seen.payload:
                continue
            conn.looked_at = index + 1
            return True
        return False

    def do_expect(self, body):
        """A packet with (at least) these flags, this much payload, this text."""
        if not self.conn.pump(lambda: self.found(body), body.get("within", 2), ended=False):
            raise Failed(f"no packet with {body} came")

    def do_never(self, body):
        self.conn.looked_at = 0 if body.get("text") else self.conn.looked_at
        if self.conn.pump(lambda: self.found(body), body.get("within", 1), ended=False):
            seen = self.conn.history[self.conn.looked_at - 1]
            raise Failed(f"a packet came that must not: {fr.flag_text(seen.flags)}, "
                         f"{len(seen.payload)} bytes")

    def do_sleep(self, body):
        if self.conn:
            self.conn.pump(lambda: False, float(body), ended=False)
        else:
            time.sleep(float(body))

    def do_say(self, body):
        self.say(body)
