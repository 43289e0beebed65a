#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Frames of link control and redundancy protocols, which no IP stack sends: LLDP, LACP, STP, VRRP,
and a VRRP advertisement under a VLAN tag. `expect` is ready when it says so, and names those that
came exactly as they were sent.

usage: link_frames.py send|expect [--seconds S]
"""

import argparse
import select
import socket
import struct
import time

SOURCE = bytes.fromhex("020000005a01")
ALL_FRAMES = 0x0003  # ETH_P_ALL
STP = bytes.fromhex("4242030000000000" + "8000020000005a01" + "00000000" + "8000020000005a01" +
                    "8001" + "0000" + "1400" + "0200" + "0f00")
LLDP = bytes.fromhex("0207040200005a0001" + "040705" + "65746831" + "2020" + "0602" + "0078" + "0000")


def frame(destination, ethertype, body, tag=b""):
    return (bytes.fromhex(destination) + SOURCE + tag + struct.pack("!H", ethertype) +
            body).ljust(60, b"\0")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


def vrrp():
    body = bytes.fromhex("21076401" + "0001" + "0000" + "0a0a00fe")
    body = body[:6] + struct.pack("!H", checksum(body)) + body[8:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0xc0, 20 + len(body), 1, 0, 255, 112, 0,
                       socket.inet_aton("10.10.0.253"), socket.inet_aton("224.0.0.18"))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


FRAMES = {
    "LLDP": frame("0180c200000e", 0x88cc, LLDP),
    "LACP": frame("0180c2000002", 0x8809, bytes.fromhex("0101011480000200005a01") + bytes(99)),
    "STP": frame("0180c2000000", len(STP), STP),
    "VRRP": frame("01005e000012", 0x0800, vrrp()),
    "VRRP in a VLAN": frame("01005e000012", 0x0800, vrrp(), bytes.fromhex("81000014")),
}


def packet_socket():
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
    sock.bind(("eth0", ALL_FRAMES))
    return sock


def with_tag(data, ancillary):
    """The kernel takes the VLAN tag out of a frame and tells it aside (struct tpacket_auxdata)."""
    for level, kind, value in ancillary:
        if level == 263 and kind == 8 and len(value) >= 20:
            status, tci, tpid = struct.unpack("=I", value[:4])[0], *struct.unpack("=HH", value[16:20])
            if status & 0x10:  # TP_STATUS_VLAN_VALID
                return data[:12] + struct.pack("!HH", tpid if status & 0x40 else 0x8100, tci) + data[12:]
    return data


def expect(seconds):
    sock = packet_socket()
    sock.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
    print("# ready", flush=True)
    missing, end = dict(FRAMES), time.monotonic() + seconds
    while missing and time.monotonic() < end:
        if select.select([sock], [], [], 0.1)[0]:
            data, ancillary, _, _ = sock.recvmsg(2048, 256)
            data = with_tag(data, ancillary)
            for name in [n for n, f in missing.items() if data[:len(f)] == f]:
                print(f"{name}: as it was sent", flush=True)
                del missing[name]
    return 1 if missing else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["send", "expect"])
    parser.add_argument("--seconds", type=float, default=8)
    args = parser.parse_args()
    if args.what == "expect":
        return expect(args.seconds)
    sock = packet_socket()
    for data in FRAMES.values():
        sock.send(data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
