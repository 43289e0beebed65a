# SPDX-License-Identifier: Apache-2.0
"""Namespaces and wires. A lab is one chain from the clients' side to the servers' side:

    client -- [link a] -- box:eth1 box:eth2 [-- box:eth3 box:eth4 ...] -- [link b] -- server

Each joint is a veth pair. A side with several hosts gets a switch (a kernel bridge in a namespace
of its own), a link is lab/delay in a namespace of its own, and with `--wire direct` there is no
box in the chain.
"""

import os
import re

from .proc import LabError, run, in_netns, netns_path

NETWORK = "10.10.0"
CLIENT_FIRST, SERVER_FIRST = 10, 20
MTU = 1500
ENCAP_OVERHEAD = {"gre": 24, "gre-key": 28, "ipip": 20}
OFFLOADS_OFF = ["tx", "off", "tso", "off", "gso", "off"]


def parse_encap(text):
    """'vlan=10', 'gre', 'gre-key=7', 'ipip' or two of them as 'vlan=10+gre'; '' is none."""
    encap = {"vlan": None, "tunnel": None, "key": None}
    for part in filter(None, (text or "").split("+")):
        kind, _, value = part.partition("=")
        if kind == "vlan" and value.isdigit() and 1 <= int(value) <= 4094:
            encap["vlan"] = int(value)
        elif kind == "gre-key" and value.isdigit():
            encap["tunnel"], encap["key"] = "gre-key", int(value)
        elif kind in ("gre", "ipip") and not value:
            encap["tunnel"] = kind
        else:
            raise LabError(f"encapsulation '{part}': use vlan=1..4094, gre, gre-key=N or ipip")
    return encap


def parse_host(text):
    """NAME[:ADDRESS][@ENCAP]; the side is the beginning of the name."""
    match = re.fullmatch(r"((client|server)(\d*))(?::([\d.]+))?(?:@(.+))?", text)
    if not match:
        raise LabError(f"host '{text}': use NAME[:ADDRESS][@ENCAP], NAME client, client2, server2 …")
    name, side, number, address, encap = match.groups()
    index = int(number or 1)
    if not 1 <= index <= 9:
        raise LabError(f"host '{text}': numbers go from 2 to 9")
    first = CLIENT_FIRST if side == "client" else SERVER_FIRST
    # In an encapsulation of its own a host may have the first one's address: that is the point.
    octet = first if encap else first + index - 1
    return {"name": name, "side": side, "index": index, "encap": parse_encap(encap),
            "address": address or f"{NETWORK}.{octet}"}


def host_mac(host):
    return f"02:00:00:00:{0x0a if host['side'] == 'client' else 0x14:02x}:{host['index']:02x}"


def is_encapsulated(host):
    return bool(host["encap"]["vlan"] or host["encap"]["tunnel"])


class Topology:
    """Builds and removes the namespaces of the lab `name` for a spec (see lab/lab)."""

    def __init__(self, name, spec):
        self.name = name
        self.spec = spec
        self.plain = not (spec["link_a"] or spec["link_b"] or
                          any(is_encapsulated(h) for h in spec["hosts"]))

    def ns(self, host):
        return f"sl-{self.name}-{host}"

    def ip(self, host, *words, check=True):
        return run("ip", "-n", self.ns(host), *words, check=check)

    def make_namespace(self, host):
        run("ip", "netns", "add", self.ns(host))
        self.ip(host, "link", "set", "lo", "up")
        settings = {"net/ipv6/conf/all/disable_ipv6": 1, "net/ipv6/conf/default/disable_ipv6": 1,
                    "net/ipv4/tcp_congestion_control": "cubic",
                    "net/ipv4/ip_local_port_range": "10000 65535", "net/core/somaxconn": 8192}
        self.sysctl(host, settings)

    def sysctl(self, host, settings):
        text = "".join(f"{k.replace('/', '.')}={v}\n" for k, v in settings.items())
        run(*in_netns(self.ns(host), ["sysctl", "-q", "-p", "-"]), input=text, stdin=None)

    def cable(self, end1, end2):
        """A veth pair between two (host, interface) ends."""
        (host1, dev1), (host2, dev2) = end1, end2
        run("ip", "link", "add", dev1, "netns", self.ns(host1), "mtu", str(MTU), "type", "veth",
            "peer", "name", dev2, "netns", self.ns(host2), "mtu", str(MTU))
        for host, dev in (end1, end2):
            # Receive offload makes one big frame of several; who reads frames must see them as sent.
            gro = "on" if self.plain or host == "box" else "off"
            off = [] if self.plain else OFFLOADS_OFF
            run(*in_netns(self.ns(host), ["ethtool", "-K", dev, "gro", gro, *off]))
            self.ip(host, "link", "set", dev, "up")

    def side_end(self, side):
        """The (host, interface) where the chain meets a side, making its switch if there is one."""
        hosts = [h for h in self.spec["hosts"] if h["side"] == side]
        for host in hosts:
            self.make_namespace(host["name"])
        switch, port = self.wire_end(side)
        if port != "uplink":
            return switch, port
        self.make_namespace(switch)
        self.make_bridge(switch, [])
        for host in hosts:
            self.cable((host["name"], "eth0"), (switch, host["name"]))
            self.ip(switch, "link", "set", host["name"], "master", "br0")
        return switch, port

    def wire_end(self, side):
        """The (host, interface) at which a side's whole traffic can be seen."""
        hosts = [h["name"] for h in self.spec["hosts"] if h["side"] == side]
        if len(hosts) == 1:
            return hosts[0], "eth0"
        return f"switch-{'a' if side == 'client' else 'b'}", "uplink"

    def make_bridge(self, host, ports):
        self.ip(host, "link", "add", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        self.ip(host, "link", "set", "br0", "up")
        for port in ports:
            self.ip(host, "link", "set", port, "master", "br0")

    def build(self):
        spec = self.spec
        self.make_namespace("box")
        chain = [self.side_end("client")]
        if spec["link_a"]:
            self.make_namespace("link-a")
            chain += [("link-a", "port-a"), ("link-a", "port-b")]
        if spec["wire"] != "direct":
            chain += [("box", f"eth{n}") for n in range(1, 2 * spec["segments"] + 1)]
        if spec["link_b"]:
            self.make_namespace("link-b")
            chain += [("link-b", "port-a"), ("link-b", "port-b")]
        chain.append(self.side_end("server"))
        for end1, end2 in zip(chain[::2], chain[1::2]):
            self.cable(end1, end2)
        for host, dev in (chain[0], chain[-1]):
            if dev == "uplink":
                self.ip(host, "link", "set", dev, "master", "br0")
        if spec["wire"] == "bridge":
            for n in range(1, 2 * spec["segments"] + 1, 2):
                self.bridge_segment(n)
        for host in spec["hosts"]:
            self.set_up_host(host)

    def bridge_segment(self, first):
        bridge = f"br{first}"
        self.ip("box", "link", "add", bridge, "type", "bridge", "stp_state", "0",
                "mcast_snooping", "0")
        for port in (first, first + 1):
            self.ip("box", "link", "set", f"eth{port}", "master", bridge)
        self.ip("box", "link", "set", bridge, "up")

    def set_up_host(self, host):
        name = host["name"]
        self.ip(name, "link", "set", "eth0", "address", host_mac(host))
        if is_encapsulated(host):
            return  # its address is on the tun device that lab/encap makes
        self.ip(name, "address", "add", f"{host['address']}/24", "dev", "eth0")
        if name == "server":
            self.add_addresses(name, self.spec["server_addresses"])

    def add_addresses(self, name, addresses):
        """Further addresses of a host that is up; those it has already stay."""
        host = next(h for h in self.spec["hosts"] if h["name"] == name)
        device = "tun0" if is_encapsulated(host) else "eth0"
        text = "".join(f"address replace {a}/32 dev {device}\n" for a in addresses)
        run("ip", "-n", self.ns(name), "-batch", "-", input=text, stdin=None)

    def encap_argv(self, tool, host):
        """The lab/encap command line of an encapsulated host; its peer has the same number."""
        other = "server" if host["side"] == "client" else "client"
        peers = [h for h in self.spec["hosts"] if h["side"] == other and h["index"] == host["index"]]
        if not peers:
            raise LabError(f"host {host['name']} is encapsulated and has no {other} of its number")
        mine, encap = host, host["encap"]
        argv = [tool, "--device", "eth0", "--peer-mac", host_mac(peers[0])]
        if encap["vlan"]:
            argv += ["--vlan", str(encap["vlan"])]
        if encap["tunnel"]:
            last = {"client": CLIENT_FIRST, "server": SERVER_FIRST}
            outer = f"10.20.{host['index']}."
            argv += ["--tunnel", "gre" if encap["tunnel"] == "gre-key" else encap["tunnel"],
                     "--local", outer + str(last[mine["side"]]), "--remote", outer + str(last[other])]
        if encap["key"] is not None:
            argv += ["--key", str(encap["key"])]
        return argv

    def finish_encap_host(self, host):
        """Gives the tun device its address, once lab/encap has made it."""
        mtu = MTU - ENCAP_OVERHEAD.get(host["encap"]["tunnel"], 0)
        self.ip(host["name"], "link", "set", "tun0", "mtu", str(mtu), "up")
        self.ip(host["name"], "address", "add", f"{host['address']}/24", "dev", "tun0")
        if host["name"] == "server":
            self.add_addresses("server", self.spec["server_addresses"])

    def namespaces(self):
        """All namespaces of this lab that exist now; not those of a lab called NAME-something."""
        mine = re.compile(f"sl-{self.name}-((client|server)\\d*|box|(link|switch)-[ab])")
        try:
            return sorted(n for n in os.listdir("/run/netns") if mine.fullmatch(n))
        except FileNotFoundError:
            return []

    def remove(self):
        for namespace in self.namespaces():
            run("ip", "netns", "del", namespace, check=False)


def allow_cubic():
    """Lets namespaces use cubic; the one setting of the whole machine that the lab changes."""
    base = "/proc/sys/net/ipv4/tcp_"
    with open(base + "available_congestion_control", encoding="ascii") as src:
        if "cubic" not in src.read().split():
            run("modprobe", "tcp_cubic", check=False)
    with open(base + "allowed_congestion_control", encoding="ascii") as src:
        allowed = src.read().split()
    if "cubic" in allowed:
        return
    try:
        with open(base + "allowed_congestion_control", "w", encoding="ascii") as out:
            out.write(" ".join(allowed + ["cubic"]))
    except OSError as err:
        raise LabError(f"the kernel has no TCP cubic ({err})") from err


def congestion_control(namespace):
    return run(*in_netns(namespace, ["sysctl", "-n", "net.ipv4.tcp_congestion_control"])).stdout.strip()


def namespace_exists(name):
    return os.path.exists(netns_path(name))
