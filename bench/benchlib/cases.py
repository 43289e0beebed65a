# SPDX-License-Identifier: Apache-2.0
"""What is measured: one row a case. `per` says what the CPU is divided by."""

import collections

Case = collections.namedtuple("Case", "name reuse mode port path connections unit per plain peers")

ALL = ("direct", "bridge", "nginx", "haproxy", "sslsplit", "sluice")
WIRES = ("direct", "bridge", "sluice")
BOXES = ("nginx", "haproxy", "sslsplit", "sluice")
GIB = 1 << 30


def case(name, mode, port, path, connections, unit, per, reuse="default", peers=ALL):
    return Case(name, reuse, mode, port, path, connections, unit, per, port == 80, peers)


CASES = [
    case("forward", "requests", 80, "/big", 4, "Gbit/s", "gib", peers=WIRES),
    case("bulk_1", "requests", 443, "/big", 1, "MiB/s", "gib"),
    case("bulk_8", "requests", 443, "/big", 8, "MiB/s", "gib"),
    case("request_16k", "requests", 443, "/16k", 16, "requests/s", "op"),
    case("full_p256", "full", 443, "/small", 16, "connections/s", "op"),
    case("full_p256", "full", 445, "/small", 16, "connections/s", "op", reuse="off"),
    case("full_rsa2048", "full", 444, "/small", 16, "connections/s", "op"),
    case("full_rsa2048", "full", 446, "/small", 16, "connections/s", "op", reuse="off"),
    case("resumed", "resumed", 443, "/small", 16, "connections/s", "op"),
    case("idle_memory", "hold", 443, "/small", 2000, "KiB/session", "op", peers=BOXES),
    case("latency", "requests", 443, "/small", 1, "us", "op"),
]
NAMES = tuple(dict.fromkeys(c.name for c in CASES))


def rate(the_case, ops, body_bytes, seconds):
    """The figure of a case in its unit (the one for idle_memory and latency is made elsewhere)."""
    if the_case.unit == "Gbit/s":
        return body_bytes * 8 / 1e9 / seconds
    if the_case.unit == "MiB/s":
        return body_bytes / (1 << 20) / seconds
    return ops / seconds
