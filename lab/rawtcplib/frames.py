# SPDX-License-Identifier: Apache-2.0
"""Builds frames byte by byte, right or wrong in the ways a script asks for. Nothing here sends.

A `shape` is what lies around the TCP segment (see SHAPE): MACs, VLAN tags, tunnel, IP fields,
fragments. Scripts give it for a connection, and for one step on top of that.
"""

import random
import socket
import struct

FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
IPV4, IPV6, TCP = 0x0800, 0x86DD, 6
MSS, WSCALE, SACK_OK, TIMESTAMP = 2, 3, 4, 8
SHAPE = {"vlans", "tunnel", "ttl", "tos", "df", "ident", "ip_options", "fragments", "bad_checksum",
         "bad_ip_checksum", "window", "urgent", "ts", "options", "bad_length"}


class ScriptError(Exception):
    """The script is wrong; the text says where and what is allowed."""


def flag_bits(text):
    """'SA' -> 0x12; letters F S R P A U E(CE) C(WR); '0' for none."""
    bits = 0
    for letter in str(text).upper().replace("0", ""):
        if letter not in FLAGS:
            raise ScriptError(f"flag '{letter}': use letters of {''.join(FLAGS)}")
        bits |= FLAGS[letter]
    return bits


def flag_text(bits):
    return "".join(k for k, v in FLAGS.items() if bits & v) or "0"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address_bytes(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


def option_bytes(words, now, echo):
    """['mss:1460', 'sack', 'ts', 'wscale:7', 'tfo', 'tfo:COOKIE', 'md5', 'ao', 'nop', 'hex:...']"""
    out = b""
    for word in words:
        kind, _, value = str(word).partition(":")
        if kind == "mss":
            out += struct.pack("!BBH", MSS, 4, int(value))
        elif kind == "wscale":
            out += struct.pack("!BBB", WSCALE, 3, int(value))
        elif kind == "sack":
            out += bytes([SACK_OK, 2])
        elif kind == "ts":
            out += struct.pack("!BBII", TIMESTAMP, 10, now & 0xFFFFFFFF, echo & 0xFFFFFFFF)
        elif kind == "tfo":
            cookie = bytes.fromhex(value)
            out += bytes([34, 2 + len(cookie)]) + cookie
        elif kind == "md5":
            out += bytes([19, 18]) + random.randbytes(16)
        elif kind == "ao":
            out += bytes([29, 16, 1, 1]) + random.randbytes(12)
        elif kind == "nop":
            out += b"\1"
        elif kind == "hex":
            out += bytes.fromhex(value)
        else:
            raise ScriptError(f"TCP option '{word}': use mss:N, wscale:N, sack, ts, tfo[:HEX], md5, "
                              "ao, nop or hex:HEX")
    out += b"\1" * (-len(out) % 4)
    if len(out) > 40:
        raise ScriptError(f"{len(out)} bytes of TCP options do not fit 40")
    return out


def tcp(ends, numbers, flags, window, options, payload, shape):
    """The TCP segment. `ends`: (source, port, destination, port); `numbers`: (seq, ack)."""
    src, sport, dst, dport = ends
    seq, ack = numbers
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) // 4 << 4, flags,
                       window, 0, shape.get("urgent", 0)) + options
    a, b = address_bytes(src), address_bytes(dst)
    if len(a) == 4:
        pseudo = a + b + struct.pack("!BBH", 0, TCP, len(head) + len(payload))
    else:
        pseudo = a + b + struct.pack("!IHBB", len(head) + len(payload), 0, 0, TCP)
    value = checksum(pseudo + head + payload)
    if shape.get("bad_checksum"):
        value ^= 0x5A5A
    return head[:16] + struct.pack("!H", value) + head[18:] + payload


def fragments_of(spec, body):
    """[(offset, more, bytes)] of a body, by the step's `fragments`:

    size: bytes of each (a multiple of 8), or a list of sizes, the rest being the last one
    order: forward, reversed, or last_first
    overlap: bytes by which every fragment but the first reaches back, filled with `fill`
    drop: index of a fragment that is left out
    """
    known = {"size", "order", "overlap", "fill", "drop"}
    if set(spec) - known:
        raise ScriptError(f"fragments: unknown {set(spec) - known} (known: {sorted(known)})")
    size = spec.get("size", 8)
    sizes = list(size) if isinstance(size, list) else [size] * (len(body) // size + 1)
    parts, at = [], 0
    while at < len(body):
        length = sizes.pop(0) if sizes else len(body)
        if length % 8 and at + length < len(body):
            raise ScriptError(f"a fragment of {length} bytes: sizes are multiples of 8")
        parts.append((at, body[at:at + length]))
        at += length
    back = spec.get("overlap", 0)
    fill = str(spec.get("fill", "X")).encode()[:1]
    out = []
    for index, (at, data) in enumerate(parts):
        if index and back:
            at, data = at - back, fill * back + data
        out.append((at, index + 1 < len(parts), data))
    del out[spec.get("drop", len(out)):spec.get("drop", len(out)) + 1]
    order = spec.get("order", "forward")
    if order == "reversed":
        out.reverse()
    elif order == "last_first":
        out = out[-1:] + out[:-1]
    elif order != "forward":
        raise ScriptError(f"order '{order}': use forward, reversed or last_first")
    return out


def ipv4(src, dst, protocol, body, shape, ident, offset=0, more=False):
    options = bytes.fromhex(shape.get("ip_options", ""))
    options += b"\0" * (-len(options) % 4)
    size = 20 + len(options)
    where = (0x4000 if shape.get("df", not (offset or more)) else 0) | (0x2000 if more else 0)
    total = size + len(body) + shape.get("bad_length", 0)
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | size // 4, shape.get("tos", 0), total, ident,
                       where | offset // 8, shape.get("ttl", 64), protocol, 0, address_bytes(src),
                       address_bytes(dst)) + options
    value = checksum(head) ^ (0x5A5A if shape.get("bad_ip_checksum") else 0)
    return head[:10] + struct.pack("!H", value) + head[12:] + body


def ipv6(src, dst, body, shape):
    return struct.pack("!IHBB", 6 << 28 | shape.get("tos", 0) << 20, len(body), TCP,
                       shape.get("ttl", 64)) + address_bytes(src) + address_bytes(dst) + body


def in_tunnel(tunnel, packet, serial):
    """Wraps an IPv4 packet. tunnel: {kind: gre|ipip, local, remote, key, sequence, checksum, inner}.

    `inner` is a tunnel inside this one.
    """
    known = {"kind", "local", "remote", "key", "sequence", "checksum", "inner"}
    if set(tunnel) - known:
        raise ScriptError(f"tunnel: unknown {set(tunnel) - known} (known: {sorted(known)})")
    if "inner" in tunnel:
        packet = in_tunnel(tunnel["inner"], packet, serial)
    ends = tunnel["local"], tunnel["remote"]
    if tunnel["kind"] == "ipip":
        return ipv4(*ends, 4, packet, {}, serial & 0xFFFF)
    if tunnel["kind"] != "gre":
        raise ScriptError(f"tunnel kind '{tunnel['kind']}': use gre or ipip")
    flags, options = 0, b""
    if "key" in tunnel:
        flags |= 0x2000
        options += struct.pack("!I", tunnel["key"])
    if tunnel.get("sequence"):
        flags |= 0x1000
        options += struct.pack("!I", serial)
    head = struct.pack("!HH", flags, IPV4)
    if tunnel.get("checksum"):
        head = struct.pack("!HH", flags | 0x8000, IPV4)
        value = checksum(head + b"\0\0\0\0" + options + packet)
        options = struct.pack("!HH", value, 0) + options
    return ipv4(*ends, 47, head + options + packet, {}, serial & 0xFFFF)


def ethernet(dst_mac, src_mac, vlans, kind, body):
    """vlans: outermost first; a number (0x8100, that id), or {id, priority, type}."""
    head = bytes.fromhex(dst_mac.replace(":", "")) + bytes.fromhex(src_mac.replace(":", ""))
    for tag in vlans:
        tag = {"id": tag} if isinstance(tag, int) else tag
        head += struct.pack("!HH", tag.get("type", 0x8100), tag.get("priority", 0) << 13 | tag["id"])
    frame = head + struct.pack("!H", kind) + body
    return frame + b"\0" * (60 - len(frame))


def frames(macs, ends, segment, shape, serial):
    """All frames that carry one TCP segment, in the order to send them."""
    src, _, dst, _ = ends
    dst_mac, src_mac = macs
    vlans, tunnel = shape.get("vlans", []), shape.get("tunnel")
    if ":" in src:
        return [ethernet(dst_mac, src_mac, vlans, IPV6, ipv6(src, dst, segment, shape))]
    ident = shape.get("ident", serial) & 0xFFFF
    parts = [(0, False, segment)]
    if shape.get("fragments"):
        parts = fragments_of(shape["fragments"], segment)
    out = []
    for offset, more, data in parts:
        packet = ipv4(src, dst, TCP, data, shape, ident, offset, more)
        if tunnel:
            packet = in_tunnel(tunnel, packet, serial)
        out.append(ethernet(dst_mac, src_mac, vlans, IPV4, packet))
    return out
