# SPDX-License-Identifier: Apache-2.0
"""Reads captures: pcap files of Ethernet, and the headers the box must give back as it got them.
Bytes that do not parse make a packet of kind "other", never an error: captures hold all sorts.
"""

import collections
import socket
import struct

TAGS = (0x8100, 0x88A8)
IPV4, TCP, UDP, ICMP, IPIP, GRE = 0x0800, 6, 17, 1, 4, 47
FIN, SYN, RST, ACK = 1, 2, 4, 16
KINDS = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}

# outer: everything before the inner packet (see Outer), as one value to compare
Packet = collections.namedtuple("Packet", "time outer kind src dst sport dport ttl tos flags seq "
                                          "ack window payload")
# vlans: tag words without the drop bit; tunnel: (kind, src, dst, ttl, flags, key) or None
Outer = collections.namedtuple("Outer", "src_mac dst_mac vlans tunnel")


def read_pcap(path):
    """Yields (time, frame) of a pcap file in either byte order and time unit."""
    with open(path, "rb") as src:
        header = src.read(24)
        if len(header) < 24:
            return
        for order in "<>":
            magic = struct.unpack(order + "I", header[:4])[0]
            if magic in (0xA1B2C3D4, 0xA1B23C4D):
                break
        else:
            raise ValueError(f"{path} is not a pcap file")
        scale = 1e-9 if magic == 0xA1B23C4D else 1e-6
        if struct.unpack(order + "I", header[20:])[0] != 1:
            raise ValueError(f"{path} is not a capture of Ethernet")
        while True:
            record = src.read(16)
            if len(record) < 16:
                return
            seconds, part, kept, _ = struct.unpack(order + "IIII", record)
            yield seconds + part * scale, src.read(kept)


def _mac(raw):
    return raw.hex(":")


def _ipv4(data):
    """(src, dst, protocol, ttl, tos, offset, payload) or None."""
    if len(data) < 20 or data[0] >> 4 != 4:
        return None
    size = (data[0] & 15) * 4
    total, = struct.unpack_from("!H", data, 2)
    fragment, = struct.unpack_from("!H", data, 6)
    end = total if total else len(data)  # 0: a big packet of an offload, its length not written yet
    return (socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]), data[9], data[8], data[1],
            fragment & 0x1FFF, data[size:end])


def _tunnel(outer):
    """The tunnel tuple and the inner packet's bytes, or (None, None) when it carries no IPv4."""
    src, dst, protocol, ttl, _, offset, body = outer
    if offset:
        return None, None
    if protocol == IPIP:
        return ("ipip", src, dst, ttl, 0, None), body
    if protocol != GRE or len(body) < 4:
        return None, None
    flags, inner = struct.unpack_from("!HH", body)
    size, key = 4, None
    if flags & 0x8000:
        size += 4
    if flags & 0x2000 and len(body) >= size + 4:
        key, = struct.unpack_from("!I", body, size)
        size += 4
    if flags & 0x1000:
        size += 4
    if inner != IPV4:
        return None, None
    return ("gre", src, dst, ttl, flags, key), body[size:]


def parse(time, frame):
    """One frame as a Packet; frames without IPv4 inside are of kind "other"."""
    if len(frame) < 14:
        return None
    at, vlans = 12, []
    kind, = struct.unpack_from("!H", frame, at)
    while kind in TAGS and len(frame) >= at + 6:
        vlans.append((kind, struct.unpack_from("!H", frame, at + 2)[0] & 0xEFFF))
        at += 4
        kind, = struct.unpack_from("!H", frame, at)
    macs = _mac(frame[6:12]), _mac(frame[:6])
    ip = _ipv4(frame[at + 2:]) if kind == IPV4 else None
    tunnel = None
    if ip and ip[2] in (IPIP, GRE):
        tunnel, inner = _tunnel(ip)
        ip = _ipv4(inner) if inner is not None else ip
    outer = Outer(*macs, tuple(vlans), tunnel)
    if not ip:
        return Packet(time, outer, f"other-{kind:04x}", "", "", 0, 0, 0, 0, 0, 0, 0, 0,
                      frame[at + 2:])
    return _transport(time, outer, ip)


def _transport(time, outer, ip):
    src, dst, protocol, ttl, tos, offset, body = ip
    name = KINDS.get(protocol, f"ip-{protocol}")
    plain = Packet(time, outer, name, src, dst, 0, 0, ttl, tos, 0, 0, 0, 0, body)
    if offset or len(body) < 8 or protocol not in (TCP, UDP):
        return plain._replace(kind=name + "-fragment" if offset else name)
    sport, dport = struct.unpack_from("!HH", body)
    if protocol == UDP:
        return plain._replace(sport=sport, dport=dport, payload=body[8:])
    if len(body) < 20:
        return plain
    seq, ack, where, flags, window = struct.unpack_from("!IIBBH", body, 4)
    return plain._replace(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack, window=window,
                          payload=body[(where >> 4) * 4:])


def read_packets(path):
    for time, frame in read_pcap(path):
        packet = parse(time, frame)
        if packet:
            yield packet


class Stream:
    """The bytes of one direction of a TCP connection, put in order by sequence number."""

    LIMIT = 64 << 20

    def __init__(self):
        self.first = None  # sequence number of the first byte
        self.parts = {}
        self.size = 0

    def add(self, packet):
        if packet.flags & SYN:
            self.first = (packet.seq + 1) & 0xFFFFFFFF
        if not packet.payload or self.size > self.LIMIT:
            return
        if self.first is None:
            self.first = packet.seq
        at = (packet.seq + (1 if packet.flags & SYN else 0) - self.first) & 0xFFFFFFFF
        if at < 0x80000000 and len(packet.payload) > len(self.parts.get(at, b"")):
            self.size += len(packet.payload)
            self.parts[at] = packet.payload

    def data(self):
        """The bytes up to the first gap, then the rest as captured (for searching)."""
        out, end = [], 0
        for at in sorted(self.parts):
            part = self.parts[at]
            if at < end:
                part = part[end - at:]
            if part:
                out.append(part)
                end = max(end, at) + len(part)
        return b"".join(out)
