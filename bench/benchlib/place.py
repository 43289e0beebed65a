# SPDX-License-Identifier: Apache-2.0
"""A place to measure in: a lab of its own with the same client, the same server and one kind of
wire between them. All places of a run stand at once; only one of them is ever under load.

    direct   a cable                     bridge   a kernel bridge in the box
    peer     the box with an address on each side, for proxies that a client connects to
    sluice   the box with tpsd on its two ports, which nobody can see
"""

import argparse
import os
import re
import resource
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from . import cases  # noqa: E402
from lablib.box import lab_tool  # noqa: E402
from lablib.lab import STATE_ROOT, Lab  # noqa: E402
from lablib.pki import Pki  # noqa: E402
from lablib.proc import LabError, in_netns, run, wait_for  # noqa: E402
from lablib.servers import make_file  # noqa: E402

PEERS = os.path.join(ROOT, "bench", "peers")
SUITE = "TLS_AES_128_GCM_SHA256"
# The client's leg and the server's leg: what sslsplit can do in each is what all must do.
NEAR_GROUP, FAR_GROUP = "P-256", "X25519"
CLIENT, ORIGIN = "10.10.0.10", "10.10.0.20"
BOX, BOX_FAR = "10.10.0.1", "10.10.0.2"  # towards the client, towards the server
BIG = 256 << 20
WIRES = {"direct": "direct", "bridge": "bridge", "peer": "box", "sluice": "box"}

# Short connections by the thousand: ports enough, and the same ones again when they are free.
SYSCTLS = {"net/ipv4/ip_local_port_range": "1024 65535", "net/ipv4/tcp_tw_reuse": 1,
           "net/core/somaxconn": 4096, "net/ipv4/tcp_max_syn_backlog": 8192}


def fill(name, values, target):
    """Writes the template bench/peers/NAME to `target` with each @WORD@ replaced."""
    with open(os.path.join(PEERS, name), encoding="utf-8") as src:
        text = re.sub(r"@([A-Z_]+)@", lambda m: str(values[m.group(1)]), src.read())
    with open(target, "w", encoding="utf-8") as out:
        out.write(text)


def up_arguments(wire):
    return argparse.Namespace(config=None, wire=wire, host=[], encap="", server_addresses=0,
                              link_a="", link_b="", segments=1, servers="none", size=[])


class Keys:
    """One certificate authority for all places, so that all show the same certificates."""

    def __init__(self, name):
        self.pki = Pki(os.path.join(STATE_ROOT, f"{name}-pki"))

    def make(self):
        self.pki.ensure()
        self.pki.once("complete-bench", self._make)

    def _make(self):
        """The CA that forged certificates are signed by, and the key they have at sslsplit."""
        self.pki.root("forge", "Bench Signing CA", "ec")
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
            self.pki.path("leaf.key"))

    def remove(self):
        shutil.rmtree(self.pki.folder, ignore_errors=True)


class Place:
    def __init__(self, name, kind, keys, binary):
        self.kind = kind
        self.lab = Lab(f"{name}-{kind}")
        self.keys = keys
        self.load_binary = binary
        self.has_crowd = False
        self.root = self.lab.path("bench")
        self.target = BOX if kind == "peer" else ORIGIN

    def ns(self, host):
        return self.lab.topo.ns(host)

    def make(self):
        self.lab.down()
        self.lab.up(up_arguments(WIRES[self.kind]) if self.kind != "sluice" else
                    up_arguments("box"))
        for host in ("client", "box", "server"):
            self.lab.topo.sysctl(host, SYSCTLS)
        if self.kind == "peer":
            self.address_box()
        self.start_origin()

    def address_box(self):
        """An address and a host route on each port: the proxy's packets cross no bridge."""
        for dev, address, far in (("eth1", BOX, CLIENT), ("eth2", BOX_FAR, ORIGIN)):
            self.lab.topo.ip("box", "address", "add", f"{address}/32", "dev", dev)
            self.lab.topo.ip("box", "route", "add", f"{far}/32", "dev", dev, "src", address)

    def start_origin(self):
        folder = os.path.join(self.root, "origin")
        for part in ("www", "tmp"):
            os.makedirs(os.path.join(folder, part), exist_ok=True)
        shared = os.path.join(self.keys.pki.folder, "big")
        make_file(shared, BIG)
        os.symlink(shared, os.path.join(folder, "www", "big"))
        make_file(os.path.join(folder, "www", "16k"), 16 << 10)
        behind = self.kind in ("peer", "sluice")
        values = {"ROOT": folder, "PKI": self.keys.pki.folder, "SUITE": SUITE,
                  "GROUPS": FAR_GROUP if behind else NEAR_GROUP}
        for name in ("origin.conf", "locations.conf"):
            fill(name, values, os.path.join(folder, name))
        argv = ["nginx", "-e", os.path.join(folder, "error.log"), "-p", folder, "-c",
                os.path.join(folder, "origin.conf")]
        self.start("origin", argv, "server")
        self.wait_listening("server", [80, 443, 444, 445, 446], "origin")

    def start_crowd(self):
        """Its sites take seconds to make: wait_crowd is for when all places have begun."""
        pki, folder = self.keys.pki, os.path.join(self.root, "crowd")
        os.makedirs(folder)
        argv = ["sh", "-c", 'exec "$@" 2>error.log', "crowd", lab_tool("crowd"), "--listen",
                f"{ORIGIN}:{cases.CROWD_PORT}", "--issuer", pki.path("chain.pem"), "--issuer-key",
                pki.path("intermediate.key"), "--sites", str(cases.SITES + 1), "--big", str(BIG),
                "--canary", "canary.log"]
        self.start("crowd", ["env", "-C", folder, *argv], "server")
        self.has_crowd = True

    def wait_crowd(self):
        if self.has_crowd:
            self.wait_listening("server", [cases.CROWD_PORT], "crowd", 120)

    def start(self, label, argv, host):
        """Starts a program that stays, with as many descriptors as it may have."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return self.lab.tracked.start(label, ["prlimit", f"--nofile={most}:{most}", *argv],
                                      netns=self.ns(host))

    def wait_listening(self, host, ports, label, patience_s=20):
        def listening():
            if not self.lab.tracked.alive(label):
                raise LabError(f"{label} ended at its start:\n{self.lab.tracked.log_tail(label)}")
            found = run(*in_netns(self.ns(host), ["ss", "-Hltn"])).stdout.split()
            return all(any(word.endswith(f":{port}") for word in found) for port in ports)
        wait_for(f"{label} to listen on {ports}", listening, patience_s)

    def as_client(self, argv):
        return in_netns(self.ns("client"), argv)

    def way(self, case, peer):
        """(address, port) that a client connects to."""
        address, _, port = (peer.tunnel or f"{self.target}:{case.port}").partition(":")
        return address, int(port)

    def trusted(self, case, peer):
        """The file of the CA that the client must find above what it is shown."""
        forged = case.outbound and peer.terminates and not cases.bypassed(case)
        return self.keys.pki.path("forge.pem" if forged else "ca.pem")

    def fetch(self, case, peer, path, seconds=5):
        """(curl's status, body) of one request through whatever stands between the two ends."""
        name = case.sni or SERVERS[case.port][0]
        argv = ["curl", "-s", "-m", str(seconds), "--tlsv1.3", "--tls13-ciphers", SUITE, "--curves",
                NEAR_GROUP, "--cacert", self.trusted(case, peer), "--connect-to",
                f"::{ORIGIN if peer.tunnel else self.target}:{case.port}",
                f"https://{name}:{case.port}{path}"]
        argv += ["--proxy", f"http://{peer.tunnel}"] if peer.tunnel else []
        done = run(*self.as_client(argv), check=False)
        return done.returncode, done.stdout

    def origin_errors(self):
        """What the servers complained about since the last call."""
        return "\n".join(filter(None, (drain(os.path.join(self.root, server, "error.log"))
                                       for server in ("origin", "crowd"))))

    def canary_seen(self):
        return "\n".join(filter(None, (drain(os.path.join(self.root, server, "canary.log"))
                                       for server in ("origin", "crowd"))))

    def not_cubic(self):
        """Established TCP sockets of this place that do not use cubic, as text; "" when all do."""
        spaces = [self.ns(h) for h in ("client", "box", "server")]
        spaces += [self.lab.box.namespace] if self.kind == "sluice" else []
        for space in spaces:
            out = run(*in_netns(space, ["ss", "-HtniO", "state", "established"])).stdout
            for line in out.splitlines():
                if " cubic " not in line:
                    return f"a socket in {space} does not use cubic: {line.strip()[:120]}"
        return ""

    def remove(self):
        self.lab.down()


# Inbound. Port: (name asked for, leaf shown, what the key is)
SERVERS = {443: ("blog.test", "blog", "p256"), 444: ("mail.test", "mail", "rsa2048"),
           445: ("blog.test", "blog", "p256"), 446: ("mail.test", "mail", "rsa2048")}


def drain(path):
    """The file's text; it is empty afterwards."""
    try:
        with open(path, "r+", encoding="utf-8", errors="replace") as log:
            text = log.read()
            log.truncate(0)
            return text.strip()
    except FileNotFoundError:
        return ""


def copy_rules(target):
    """The 100 rules of the measurement, where an unprivileged process may read them."""
    shutil.copyfile(os.path.join(ROOT, "bench", "rules", "http.rules"), target)
    os.chmod(target, 0o644)
