# SPDX-License-Identifier: Apache-2.0
"""Who is measured: each peer knows its place, how to start and stop, its processes, and what
proves that it did its work in a sample."""

import json
import os
import shutil
import stat
import time

from . import place as places
from .place import BOX, LabError, ORIGIN, in_netns, run
from lablib.box import children_of, find_binary

PORTS = [443, 444, 445, 446]
COUNTER_LAG_S = 3.0
BLOCK_PAGE = "This request was blocked"  # client inspection answers so
CANARY = "/canary?file=../../../../etc/passwd"


class Wire:
    """Nothing but the wire: a cable or a bridge."""
    terminates = False
    tunnel = None   # the address that clients ask for the server, by CONNECT
    slow_sites = 1  # one that forges so slowly visits so many times fewer sites

    def __init__(self, name, place):
        self.name = name
        self.place = place

    def start(self):
        pass

    def stop(self):
        pass

    def pids(self):
        return []

    def before(self):
        """Called before each sample; what `after` returns is what spoils it."""

    def after(self, sample):
        return []


class Proxy(Wire):
    """A proxy on the box's own address: the client connects to it, it connects to the server."""
    terminates = True
    ports = PORTS

    def __init__(self, name, place):
        super().__init__(name, place)
        self.root = os.path.join(place.root, name)
        self.labels = []

    def values(self):
        return {"ROOT": self.root, "PKI": self.place.keys.pki.folder, "SUITE": places.SUITE,
                "BOX": BOX, "ORIGIN": ORIGIN, "MODULES": "/usr/lib/nginx/modules"}

    def start(self):
        os.makedirs(self.root, exist_ok=True)
        self.labels = []
        for label, argv in self.commands():
            self.place.start(label, argv, "box")
            self.labels.append(label)
            self.place.wait_listening("box", self.ports, label)

    def stop(self):
        for label in self.labels:
            self.place.lab.tracked.stop(label)
        self.labels = []

    def pids(self):
        roots = {p for p in map(self.place.lab.tracked.alive, self.labels) if p}
        return sorted(roots | children_of(roots))

    def after(self, sample):
        dead = [label for label in self.labels if not self.place.lab.tracked.alive(label)]
        return [f"{label} ended" for label in dead]

    def pem(self, name, target):
        """Leaf, chain and key in one file, as HAProxy and sslsplit want them."""
        with open(target, "w", encoding="ascii") as out:
            os.fchmod(out.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            for part in (f"{name}.fullchain.pem", f"{name}.key"):
                with open(self.place.keys.pki.path(part), encoding="ascii") as src:
                    out.write(src.read())


class Nginx(Proxy):
    def commands(self):
        config = os.path.join(self.root, "nginx.conf")
        places.fill("nginx.conf", self.values(), config)
        yield "nginx", ["nginx", "-e", os.path.join(self.root, "error.log"), "-p", self.root, "-c",
                        config]

    def after(self, sample):
        said = places.drain(os.path.join(self.root, "error.log"))
        return super().after(sample) + ([f"nginx: {said.splitlines()[0]}"] if said else [])


class Haproxy(Proxy):
    def commands(self):
        config = os.path.join(self.root, "haproxy.cfg")
        places.fill("haproxy.cfg", self.values(), config)
        self.pem("blog", os.path.join(self.root, "p256.pem"))
        self.pem("mail", os.path.join(self.root, "rsa2048.pem"))
        yield "haproxy", ["haproxy", "-db", "-f", config]


class Sslsplit(Proxy):
    def commands(self):
        targets = os.path.join(self.root, "certificates")
        os.makedirs(targets, exist_ok=True)
        for name in ("blog", "mail"):
            self.pem(name, os.path.join(targets, f"{name}.pem"))
        specs = []
        for port in PORTS:
            specs += ["ssl", BOX, str(port), ORIGIN, str(port)]
        # -D keeps it in the foreground; its log says a line a connection, which -l to a file
        # would too, so the output goes nowhere.
        yield "sslsplit", ["sh", "-c", 'exec sslsplit "$@" >/dev/null 2>&1', "sslsplit", "-D",
                           "-Z", "-t", targets, "-u", "nobody", *specs]


class Sluice(Wire):
    """tpsd on the box's two ports, HTTP inspection with bench/rules/http.rules."""
    terminates = True
    COUNTER = "bytes_inspected"
    template = "tpsd.yaml"

    def __init__(self, name, place):
        super().__init__(name, place)
        self.folder = os.path.join(place.root, "sluice")
        self.inspected = 0

    def values(self):
        return {"PKI": self.place.keys.pki.folder, "ORIGIN": ORIGIN,
                "RULES": os.path.join(self.folder, "http.rules")}

    def start(self):
        os.makedirs(self.folder, exist_ok=True)
        config = os.path.join(self.folder, "tpsd.yaml")
        places.copy_rules(self.values()["RULES"])
        places.fill(self.template, self.values(), config)
        self.place.lab.box.start(config)
        # Its namespace begins with the machine's default; all peers measure with the same.
        run(*in_netns(self.place.lab.box.namespace,
                      ["sysctl", "-q", "net.ipv4.tcp_congestion_control=cubic"]))

    def stop(self):
        self.place.lab.box.stop()
        self.place.lab.box.remove()
        shutil.rmtree(f"/var/log/sluice/{self.place.lab.name}", ignore_errors=True)

    def pids(self):
        return self.place.lab.box.processes()

    def counter(self):
        """Plaintext bytes that the engine read, from the daemon's own counters."""
        tps = find_binary("tps", "TPS")
        done = run(tps, "--instance", self.place.lab.name, "--json", "debug", "np", "stats", "show",
                   "npSslInspStats")
        found = find_key(json.loads(done.stdout), self.COUNTER)
        if not isinstance(found, int):
            raise LabError(f"tps shows no counter {self.COUNTER}")
        return found

    def grown_to(self, wanted):
        """By how much the counter has grown; it is added to as sessions end, so it may lag."""
        end = time.monotonic() + COUNTER_LAG_S
        while True:
            grown = self.counter() - self.inspected
            if grown >= wanted or time.monotonic() > end:
                return grown
            time.sleep(0.05)

    def before(self):
        self.place.canary_seen()
        self.inspected = self.counter()

    def after(self, sample):
        if sample.case.plain:
            return []
        faults = []
        grown = self.grown_to(sample.all_bytes)
        if grown < sample.all_bytes:
            faults.append(f"the engine read {grown} bytes of {sample.all_bytes}")
        status, body = self.place.fetch(sample.case, self, CANARY)
        if (status == 0 and BLOCK_PAGE not in body) or "got through" in body or self.place.canary_seen():
            faults.append("the canary attack was not blocked")
        return faults


def find_key(value, key):
    """The first value under `key` anywhere in a JSON value."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            found = find_key(item, key)
            if found is not None:
                return found
    return None


# name: (class, kind of place)
TABLE = {"direct": (Wire, "direct"), "bridge": (Wire, "bridge"), "nginx": (Nginx, "peer"),
         "haproxy": (Haproxy, "peer"), "sslsplit": (Sslsplit, "peer"), "sluice": (Sluice, "sluice")}
RIVALS = ("nginx", "haproxy", "sslsplit")
