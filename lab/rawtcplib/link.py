# SPDX-License-Identifier: Apache-2.0
"""An interface read and written frame by frame (AF_PACKET). The addresses that scripts use are
not the kernel's, so it never answers for them; ARP and neighbour questions for them are answered
here. Every packet goes to the connection whose tuple, tags and tunnel it has.
"""

import collections
import select
import socket
import struct
import time

from . import frames as fr

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, OUTGOING = 3, 263, 8, 4
VLAN_VALID, TPID_VALID = 0x10, 0x40

# ends: (source, port, destination, port); around: (vlan ids, tunnel kind or "")
Seen = collections.namedtuple("Seen", "time ends around flags seq ack window options payload ttl "
                                      "tos mac")


def parse_options(raw):
    out, at = {}, 0
    while at < len(raw) and raw[at] != 0:
        if raw[at] == 1:
            at += 1
            continue
        size = raw[at + 1] if at + 1 < len(raw) else 0
        if size < 2:
            break
        out[raw[at]] = raw[at + 2:at + size]
        at += size
    return out


def _tcp(data):
    if len(data) < 20:
        return None
    sport, dport, seq, ack, where, flags, window = struct.unpack_from("!HHIIBBH", data)
    size = (where >> 4) * 4
    return sport, dport, seq, ack, flags, window, parse_options(data[20:size]), data[size:]


def _inner(protocol, body):
    """(tunnel kind, inner IPv4 packet) or ("", None)."""
    if protocol == 4:
        return "ipip", body
    if protocol == 47 and len(body) >= 4 and struct.unpack_from("!H", body, 2)[0] == fr.IPV4:
        flags = body[0] << 8
        return "gre", body[4 + sum(4 for bit in (0x8000, 0x2000, 0x1000) if flags & bit):]
    return "", None


def parse(frame, tags):
    """A frame with TCP inside as Seen, else None. `tags`: VLAN ids that the kernel took off."""
    kind, at, tags = struct.unpack_from("!H", frame, 12)[0], 14, list(tags)
    while kind in (0x8100, 0x88A8) and len(frame) >= at + 4:
        tci, kind = struct.unpack_from("!HH", frame, at)
        tags.append(tci & 0xFFF)
        at += 4
    data, tunnel = frame[at:], ""
    for _ in range(3):
        if kind == fr.IPV6 and len(data) >= 40 and data[6] == fr.TCP:
            src, dst = (socket.inet_ntop(socket.AF_INET6, data[n:n + 16]) for n in (8, 24))
            body, ttl, tos = data[40:40 + struct.unpack_from("!H", data, 4)[0]], data[7], 0
            break
        if kind != fr.IPV4 or len(data) < 20:
            return None
        size, total = (data[0] & 15) * 4, struct.unpack_from("!H", data, 2)[0]
        body = data[size:total or len(data)]
        if data[9] == fr.TCP:
            src, dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
            ttl, tos = data[8], data[1]
            break
        name, inner = _inner(data[9], body)
        if inner is None:
            return None
        data, tunnel = inner, (tunnel + "+" + name).strip("+")
    else:
        return None
    found = _tcp(body)
    if not found:
        return None
    sport, dport, seq, ack, flags, window, options, payload = found
    return Seen(time.monotonic(), (src, sport, dst, dport), (tuple(tags), tunnel), flags, seq, ack,
                window, options, payload, ttl, tos, frame[:12])


class Link:
    def __init__(self, interface):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.sock.bind((interface, 0))
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.mac = self.sock.getsockname()[4].hex(":")
        self.addresses = set()
        self.neighbours = {}
        self.connections = []
        self.strays = []

    def send(self, frame):
        self.sock.send(frame)

    def poll(self, seconds):
        """Waits up to `seconds` for one frame and deals with it; False when none came."""
        if not select.select([self.sock], [], [], max(0.0, seconds))[0]:
            return False
        frame, ancillary, _, sender = self.sock.recvmsg(1 << 17, 256)
        if sender[2] == OUTGOING or len(frame) < 14:
            return True
        tags = []
        for level, kind, data in ancillary:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, tci = struct.unpack_from("I", data)[0], struct.unpack_from("H", data, 16)[0]
                if status & VLAN_VALID:
                    tags = [tci & 0xFFF]
        self.take(frame, tags)
        return True

    def take(self, frame, tags):
        if struct.unpack_from("!H", frame, 12)[0] == 0x0806:
            self.take_arp(frame, tags)
            return
        if struct.unpack_from("!H", frame, 12)[0] == fr.IPV6:
            self.take_neighbour(frame)
        seen = parse(frame, tags)
        if not seen:
            return
        for conn in self.connections:
            if conn.is_mine(seen):
                conn.receive(seen)
                return
        if seen.ends[2] in self.addresses:
            self.strays.append(seen)

    def take_arp(self, frame, tags):
        what, = struct.unpack_from("!H", frame, 20)
        their_mac, their_ip = frame[22:28], socket.inet_ntoa(frame[28:32])
        asked = socket.inet_ntoa(frame[38:42])
        if asked not in self.addresses:
            return
        if what == 2:
            self.neighbours[their_ip] = their_mac.hex(":")
        elif what == 1:
            self.send_arp(2, asked, their_ip, their_mac.hex(":"), tags)

    def send_arp(self, what, mine, theirs, their_mac, vlans):
        mac = bytes.fromhex(self.mac.replace(":", ""))
        target = bytes(6) if what == 1 else bytes.fromhex(their_mac.replace(":", ""))
        body = struct.pack("!HHBBH", 1, fr.IPV4, 6, 4, what) + mac + socket.inet_aton(mine) + \
            target + socket.inet_aton(theirs)
        self.send(fr.ethernet(their_mac, self.mac, vlans, 0x0806, body))

    def take_neighbour(self, frame):
        """Answers an IPv6 neighbour solicitation for one of our addresses."""
        if len(frame) < 78 or frame[20] != 58 or frame[54] != 135:
            return
        asked = socket.inet_ntop(socket.AF_INET6, frame[62:78])
        if asked not in self.addresses:
            return
        mine, theirs = frame[62:78], frame[22:38]
        body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + mine + b"\2\1" + \
            bytes.fromhex(self.mac.replace(":", ""))
        value = fr.checksum(mine + theirs + struct.pack("!IHBB", len(body), 0, 0, 58) + body)
        body = body[:2] + struct.pack("!H", value) + body[4:]
        packet = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + mine + theirs + body
        self.send(fr.ethernet(frame[6:12].hex(":"), self.mac, [], fr.IPV6, packet))

    def resolve(self, mine, theirs, vlans):
        """The MAC of an IPv4 neighbour, asked for by ARP; ScriptError when none answers in 3 s."""
        for turn in range(30):
            if theirs in self.neighbours:
                return self.neighbours[theirs]
            if turn % 10 == 0:
                self.send_arp(1, mine, theirs, "ff:ff:ff:ff:ff:ff", vlans)
            end = time.monotonic() + 0.1
            while theirs not in self.neighbours and time.monotonic() < end:
                self.poll(end - time.monotonic())
        raise fr.ScriptError(f"nobody answers to {theirs}; give `mac` when it cannot be asked for")
