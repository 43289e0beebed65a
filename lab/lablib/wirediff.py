# SPDX-License-Identifier: Apache-2.0
"""Compares what the two ends of the wire saw. For each flow (inner protocol, addresses, ports):
is it on both sides with the same MACs, tags, tunnel headers, TTL and TOS in each direction; who
ended it and how; was its TLS terminated between the two; which needles can be read where.
"""

import collections

from . import packet as pkt
from . import tlsread

SIDES = ("client", "server")


class Flow:
    """One flow as one side saw it. Directions: 0 from its initiator, 1 back."""

    def __init__(self, first):
        self.initiator = (first.src, first.sport)
        self.addressing = (collections.Counter(), collections.Counter())
        self.streams = (pkt.Stream(), pkt.Stream())
        self.packets = [0, 0]
        self.fin = [0, 0]
        self.rst = [0, 0]
        self.datagrams = ([], [])

    def add(self, p):
        way = 0 if (p.src, p.sport) == self.initiator else 1
        self.packets[way] += 1
        self.addressing[way][(p.outer, p.ttl, p.tos & 0xFC)] += 1  # ECN is each kernel's own
        if p.kind == "tcp":
            self.fin[way] += bool(p.flags & pkt.FIN)
            self.rst[way] += bool(p.flags & pkt.RST)
            self.streams[way].add(p)
        else:
            self.datagrams[way].append(p.payload)

    def data(self, way):
        return self.streams[way].data() + b"".join(self.datagrams[way])


def flow_key(p):
    ends = sorted([(p.src, p.sport), (p.dst, p.dport)])
    # The VLAN is part of the name: the same tuple may live in two of them.
    tag = p.outer.vlans
    return (p.kind, *ends[0], *ends[1], tag)


def has_ended(flow):
    return any(flow.fin) or any(flow.rst)


def read_flows(path, kinds):
    """{(name..., number): Flow}. A SYN after a flow's end begins the next one of that name."""
    flows, number = {}, collections.Counter()
    for p in pkt.read_packets(path):
        if p.kind.split("-")[0] not in kinds:
            continue
        name = flow_key(p)
        key = (*name, number[name])
        is_syn = p.kind == "tcp" and p.flags & (pkt.SYN | pkt.ACK) == pkt.SYN
        if is_syn and key in flows and has_ended(flows[key]):
            number[name] += 1
            key = (*name, number[name])
        if key not in flows:
            flows[key] = Flow(p)
        flows[key].add(p)
    return flows


def describe(addressing):
    out = []
    for outer, ttl, tos in sorted(addressing, key=str):
        text = f"{outer.src_mac}>{outer.dst_mac} ttl {ttl} tos {tos:#x}"
        for kind, tci in outer.vlans:
            text += f" tag {kind:04x}/{tci:#06x}"
        if outer.tunnel:
            text += " {} {}>{} ttl {} flags {:#x} key {}".format(*outer.tunnel)
        out.append(text)
    return out


def differences(one, other):
    """What the two sides' addressing of a flow does not have in common, in words."""
    out = []
    for way, name in ((0, "to server"), (1, "to client")):
        if set(one.addressing[way]) != set(other.addressing[way]):
            if one.addressing[way] and other.addressing[way]:
                out.append(f"{name}: client side {describe(one.addressing[way])}, "
                           f"server side {describe(other.addressing[way])}")
            elif one.addressing[way] or other.addressing[way]:
                seen = "client" if one.addressing[way] else "server"
                out.append(f"{name}: packets on the {seen} side only")
    return out


def tls_of(sides):
    """Whether TLS was terminated between the sides, and what could be read of it."""
    out = {"terminated": None}
    hellos = {}
    for side, flow in sides.items():
        if flow is None:
            continue
        hello = tlsread.client_hello(flow.streams[0].data())
        answer = tlsread.server_hello(flow.streams[1].data())
        hellos[side] = hello
        if hello or answer:
            out[side] = {"client_hello": hello, "server_hello": answer,
                         "alerts_to_client": tlsread.alerts(flow.streams[1].data()),
                         "alerts_to_server": tlsread.alerts(flow.streams[0].data())}
    if hellos.get("client") and hellos.get("server"):
        out["terminated"] = hellos["client"]["random"] != hellos["server"]["random"]
    return out


def end_of(flow):
    """How a flow ended on one side: which end's FIN and RST were seen there."""
    if flow is None:
        return None
    who = ("client", "server")
    return {"fin_from": [who[w] for w in (0, 1) if flow.fin[w]],
            "rst_from": [who[w] for w in (0, 1) if flow.rst[w]]}


def compare_flow(key, client, server, needles):
    sides = {"client": client, "server": server}
    found = {}
    for needle in needles:
        raw = needle.encode()
        found[needle] = {s: bool(f and any(raw in f.data(w) for w in (0, 1)))
                         for s, f in sides.items()}
    some = client or server
    (address, port) = some.initiator
    far = [e for e in (key[1:3], key[3:5]) if e != some.initiator] or [some.initiator]
    return {"kind": key[0], "from": f"{address}:{port}", "to": f"{far[0][0]}:{far[0][1]}",
            "vlan": [tci & 0xFFF for _, tci in key[5]],
            "sides": [s for s in SIDES if sides[s]],
            "packets": {s: f.packets for s, f in sides.items() if f},
            "bytes": {s: [f.streams[0].size, f.streams[1].size] for s, f in sides.items() if f},
            "differences": differences(client, server) if client and server else [],
            "addressing": {s: describe(f.addressing[0]) + describe(f.addressing[1])
                           for s, f in sides.items() if f},
            "tls": tls_of(sides) if key[0] == "tcp" else {"terminated": None},
            "end": {s: end_of(f) for s, f in sides.items()}, "needles": found}


def compare(client_path, server_path, needles=(), kinds=("tcp", "udp", "icmp")):
    """The whole comparison as one document; `same_addressing` is its main answer."""
    client, server = read_flows(client_path, kinds), read_flows(server_path, kinds)
    flows = [compare_flow(k, client.get(k), server.get(k), needles)
             for k in [*client, *(k for k in server if k not in client)]]
    seen = {tuple(f["sides"]) for f in flows}
    # A flow on one side only was dropped on its way. But one that only the client's side knows and
    # another that only the server's side knows are one flow that came out under another name.
    renamed = {("client",), ("server",)} <= seen
    same = SIDES in seen and not renamed and not any(f["differences"] for f in flows)
    return {"flows": flows, "same_addressing": same,
            "one_sided": sum(len(f["sides"]) == 1 for f in flows),
            "terminated": sum(f["tls"]["terminated"] is True for f in flows),
            "passed_through": sum(f["tls"]["terminated"] is False for f in flows),
            "needles": {n: {s: any(f["needles"][n][s] for f in flows) for s in SIDES}
                        for n in needles}}
