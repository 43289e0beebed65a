# SPDX-License-Identifier: Apache-2.0
"""What is measured: one row a case. `per` says what the CPU is divided by. Inbound cases are to the
servers behind the box, outbound ones to the crowd, a server that is many sites (lab/crowd.h)."""

import collections

Case = collections.namedtuple("Case", "name reuse mode port path connections unit per plain peers "
                              "outbound sni sites first_sites")

ALL = ("direct", "bridge", "nginx", "haproxy", "sslsplit", "squid", "mitmproxy", "sluice")
WIRES = ("direct", "bridge", "sluice")
BOXES = ("nginx", "haproxy", "sslsplit", "sluice")
INBOUND = ("direct", "bridge", *BOXES)
FORGERS = ("sslsplit", "squid", "mitmproxy", "sluice")
OUTBOUND = ("direct", *FORGERS)
GIB = 1 << 30

CROWD_PORT = 451
SITES = 10500       # that a case may visit, each once
KNOWN = 200         # that are gone round in
LEFT_ALONE = f"s{SITES}.crowd.test"


def case(name, mode, port, path, connections, unit, per, reuse="default", peers=INBOUND):
    return Case(name, reuse, mode, port, path, connections, unit, per, port == 80, peers, False, "",
                0, 0)


def outbound(name, mode, path, connections, unit, per="op", sites=0, first_sites=0, peers=OUTBOUND,
             sni="s0.crowd.test"):
    return Case(name, "default", mode, CROWD_PORT, path, connections, unit, per, False, peers, True,
                sni, sites, first_sites)


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
    outbound("new_sites", "new", "/small", 16, "connections/s", sites=SITES),
    outbound("known_sites", "known", "/small", 16, "connections/s", sites=KNOWN),
    outbound("outbound_bulk", "requests", "/big", 4, "MiB/s", per="gib"),
    outbound("first_latency", "new", "/small", 1, "us", sites=SITES),
    outbound("later_latency", "known", "/small", 1, "us", sites=KNOWN),
    outbound("leaf_memory", "visit", "/small", 16, "KiB/leaf", sites=SITES, first_sites=500,
             peers=FORGERS),
    outbound("bypass_bulk", "requests", "/big", 4, "Gbit/s", per="gib", peers=WIRES,
             sni=LEFT_ALONE),
    outbound("bypass_full", "full", "/small", 16, "connections/s", peers=WIRES, sni=LEFT_ALONE),
]
NAMES = tuple(dict.fromkeys(c.name for c in CASES))


def bypassed(the_case):
    """Whether nobody may decrypt it."""
    return the_case.sni == LEFT_ALONE


def rate(the_case, ops, body_bytes, seconds):
    """The figure of a case in its unit (that of memory and latency is made elsewhere)."""
    if the_case.unit == "Gbit/s":
        return body_bytes * 8 / 1e9 / seconds
    if the_case.unit == "MiB/s":
        return body_bytes / (1 << 20) / seconds
    return ops / seconds
