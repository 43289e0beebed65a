# SPDX-License-Identifier: Apache-2.0
"""The judge of the end-to-end cases is judged: lab/wirecmp sees every single change that a box
could make to a flow, and sees none where there is none."""

import os
import socket
import struct
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from lablib import packet, wirediff  # noqa: E402

CLIENT, SERVER = ("02:00:00:00:0a:01", "10.10.0.10", 40000), ("02:00:00:00:14:01", "10.10.0.20", 443)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ipv4(src, dst, protocol, body, ttl=64, tos=0):
    return struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(body), 1, 0x4000, ttl, protocol, 0) + \
        socket.inet_aton(src) + socket.inet_aton(dst) + body


def tcp(sport, dport, seq, flags, data=b""):
    return struct.pack("!HHIIBBHHH", sport, dport, seq, 1, 5 << 4, flags, 65535, 0, 0) + data


def frame(src=CLIENT, dst=SERVER, seq=1, flags=packet.ACK, data=b"", ttl=64, tos=0, vlan=None,
          tunnel=None, key=None, outer=("10.20.1.10", "10.20.1.20"), outer_ttl=64):
    inner = ipv4(src[1], dst[1], packet.TCP, tcp(src[2], dst[2], seq, flags, data), ttl, tos)
    if tunnel == "gre":
        header = struct.pack("!HH", 0x2000 if key is not None else 0, 0x0800)
        header += struct.pack("!I", key) if key is not None else b""
        inner = ipv4(*outer, packet.GRE, header + inner, outer_ttl)
    elif tunnel == "ipip":
        inner = ipv4(*outer, packet.IPIP, inner, outer_ttl)
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    return mac(dst[0]) + mac(src[0]) + tag + b"\x08\x00" + inner


def hello(random):
    body = b"\x03\x03" + random + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + b"\x00\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def compare(client, server, needles=()):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, frames in (("client", client), ("server", server)):
            paths.append(os.path.join(folder, name))
            with open(paths[-1], "wb") as out:
                out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
                for number, data in enumerate(frames):
                    out.write(struct.pack("<IIII", number, 0, len(data), len(data)) + data)
        return wirediff.compare(*paths, needles=needles)


class WireDiff(unittest.TestCase):
    def test_the_same_frames_are_the_same(self):
        for kind in ({}, {"vlan": 10}, {"tunnel": "gre"}, {"tunnel": "gre", "key": 7},
                     {"tunnel": "ipip"}, {"vlan": 10, "tunnel": "gre", "key": 7}):
            frames = [frame(**kind), frame(SERVER, CLIENT, **kind)]
            self.assertTrue(compare(frames, frames)["same_addressing"], kind)

    def test_each_single_change_is_seen(self):
        base = {"vlan": 10, "tunnel": "gre", "key": 7}
        changes = [{"ttl": 63}, {"tos": 0x20}, {"key": 8}, {"key": None}, {"outer_ttl": 63},
                   {"outer": ("10.20.1.10", "10.20.1.21")}, {"tunnel": "ipip", "key": None},
                   {"tunnel": None, "key": None}, {"vlan": 11}, {"vlan": None},
                   {"vlan": 10 | 3 << 13},
                   {"src": ("02:00:00:00:0a:02", *CLIENT[1:])},
                   {"dst": ("02:00:00:00:14:02", *SERVER[1:])},
                   {"src": (CLIENT[0], "10.10.0.11", CLIENT[2])},
                   {"src": (CLIENT[0], CLIENT[1], 40001)}]
        for change in changes:
            other = frame((CLIENT[0], CLIENT[1], 50000))
            result = compare([frame(**base), other], [frame(**{**base, **change}), other])
            self.assertFalse(result["same_addressing"], change)

    def test_a_change_of_some_packets_only_is_seen(self):
        self.assertFalse(compare([frame(), frame(seq=2)], [frame(), frame(seq=2, ttl=3)])
                         ["same_addressing"])

    def test_nothing_on_both_sides_is_not_the_same(self):
        self.assertFalse(compare([], [])["same_addressing"])
        result = compare([frame()], [])
        self.assertFalse(result["same_addressing"])
        self.assertEqual(result["one_sided"], 1)

    def test_two_hellos_prove_a_termination_and_one_disproves_it(self):
        one, other = frame(data=hello(b"a" * 32)), frame(data=hello(b"b" * 32))
        self.assertEqual(compare([one], [other])["terminated"], 1)
        same = compare([one], [one])
        self.assertEqual((same["terminated"], same["passed_through"]), (0, 1))

    def test_needles_are_found_across_segments_out_of_order(self):
        frames = [frame(seq=1, flags=packet.SYN), frame(seq=6, data=b"word "), frame(seq=2, data=b"pass")]
        found = compare(frames, [frame(seq=1, flags=packet.SYN)], ["password"])["needles"]
        self.assertEqual(found["password"], {"client": True, "server": False})

    def test_who_sent_rst_and_fin_is_told_by_side(self):
        end = compare([frame(), frame(SERVER, CLIENT, flags=packet.RST)],
                      [frame(), frame(flags=packet.RST)])["flows"][0]["end"]
        self.assertEqual(end["client"]["rst_from"], ["server"])
        self.assertEqual(end["server"]["rst_from"], ["client"])

    def test_a_port_used_again_is_another_flow(self):
        frames = [frame(flags=packet.SYN), frame(flags=packet.FIN), frame(seq=900, flags=packet.SYN)]
        self.assertEqual(len(compare(frames, frames)["flows"]), 2)

    def test_bytes_that_do_not_parse_do_no_harm(self):
        whole = frame(vlan=10, tunnel="gre", key=7, data=hello(b"a" * 32))
        frames = [whole[:n] for n in range(len(whole))]
        compare(frames, frames, ["x"])


if __name__ == "__main__":
    unittest.main()
