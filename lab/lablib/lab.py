# SPDX-License-Identifier: Apache-2.0
"""One lab: its specification, its state folder, and the parts that make it up.

State folder /run/sluice-lab/NAME: lab.json (the specification that is up), pids/, log/, pki/,
servers/, capture/, box/log. The namespaces and this folder are all there is; `down` removes both.
"""

import glob
import hashlib
import json
import os
import re
import shutil
import time

from . import topo as topology
from .box import Box, lab_tool
from .capture import Capture
from .pki import Pki
from .proc import LabError, Tracked, in_netns, run, wait_for
from .servers import Servers

STATE_ROOT = "/run/sluice-lab"


def make_spec(args):
    """The specification from the options of `lab/lab up`."""
    hosts = [topology.parse_host(text) for text in args.host]
    for name in ("server", "client"):
        if not any(h["name"] == name for h in hosts):
            suffix = f"@{args.encap}" if args.encap else ""
            hosts.insert(0, topology.parse_host(name + suffix))
    names = [h["name"] for h in hosts]
    if len(set(names)) != len(names):
        raise LabError("two hosts of the same name")
    if not 1 <= args.segments <= 8 or not 0 <= args.server_addresses <= 221:
        raise LabError("segments go from 1 to 8, server addresses from 0 to 221")
    wire = args.wire or ("box" if args.config else "bridge")
    if args.config and wire != "box":
        raise LabError(f"a configuration needs --wire box, not {wire}")
    extra = [f"{topology.NETWORK}.{30 + n}" for n in range(args.server_addresses)]
    return {"wire": wire, "hosts": hosts, "server_addresses": extra, "segments": args.segments,
            "link_a": args.link_a, "link_b": args.link_b,
            "servers": [s for s in args.servers.split(",") if s and s != "none"],
            "sizes": args.size, "config": os.path.abspath(args.config) if args.config else None,
            "config_digest": digest_of_config(args.config) if args.config else None}


def digest_of_config(path):
    """Of the document and the rule files beside it: what starts the box anew when it changes."""
    digest = hashlib.sha256()
    beside = glob.glob(os.path.join(glob.escape(os.path.dirname(os.path.abspath(path))), "*.rules"))
    try:
        for part in [path, *sorted(beside)]:
            with open(part, "rb") as src:
                digest.update(src.read())
    except OSError as err:
        raise LabError(f"the configuration cannot be read: {err}") from err
    return digest.hexdigest()


class Lab:
    def __init__(self, name):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name) or name == "main":
            raise LabError(f"lab name '{name}': use small letters, digits and -, at most 31, "
                           "and not 'main', which is the instance of a real device")
        self.name = name
        self.state = os.path.join(STATE_ROOT, name)
        self.spec = self.load()
        self.tracked = Tracked(self.path("pids"), self.path("log"))
        self.topo = topology.Topology(name, self.spec or {"hosts": [], "link_a": "", "link_b": ""})
        self.box = Box(name, self.tracked)
        self.pki = Pki(self.path("pki"))
        self.servers = Servers(self)
        self.capture = Capture(self)

    def path(self, *parts):
        return os.path.join(self.state, *parts)

    def load(self):
        try:
            with open(self.path("lab.json"), encoding="utf-8") as src:
                return json.load(src)
        except (FileNotFoundError, ValueError):
            return None

    def hosts(self):
        prefix = len(self.topo.ns(""))
        return [n[prefix:] for n in self.topo.namespaces()]

    def up(self, args):
        spec = make_spec(args)
        if self.is_up(spec):
            return
        if spec["config"] and self.is_up({**spec, "config_digest": self.spec["config_digest"]}
                                         if self.spec else spec):
            self.box.stop()
            self.start_box(spec["config"])
            self.save({**self.spec, **spec})
            return
        self.down()
        started = time.monotonic()
        self.spec = spec
        self.topo = topology.Topology(self.name, spec)
        os.makedirs(self.state, mode=0o755)
        try:
            self.build()
        except BaseException:
            self.down(keep_logs=True)
            raise
        self.save({**spec, "up_seconds": round(time.monotonic() - started, 2)})

    def save(self, spec):
        self.spec = spec
        with open(self.path("lab.json"), "w", encoding="utf-8") as out:
            json.dump(spec, out, indent=1)

    def is_up(self, spec):
        """Whether this very lab is up, with every program of it alive."""
        if not self.spec:
            return False
        had = {k: v for k, v in self.spec.items() if k != "up_seconds"}
        wanted = {h["name"] for h in spec["hosts"]} | {"box"}
        return (had == spec and wanted <= set(self.hosts()) and
                all(self.tracked.alive(n) for n in self.tracked.names()))

    def build(self):
        topology.allow_cubic()
        self.topo.build()
        for side in ("a", "b"):
            self.start_link(side)
        for host in self.spec["hosts"]:
            if topology.is_encapsulated(host):
                self.start_encap(host)
            used = topology.congestion_control(self.topo.ns(host["name"]))
            if used != "cubic":
                raise LabError(f"host {host['name']} uses TCP {used}, not cubic")
        for kind in self.spec["servers"]:
            self.servers.start(kind, "server", self.spec["sizes"])
        # The daemon's processes write there under their own users.
        os.makedirs(self.path("box/log"))
        os.chmod(self.path("box/log"), 0o1777)
        if self.spec["config"]:
            self.start_box(self.spec["config"])
        elif self.spec["wire"] != "box":
            wait_for("a packet to get from client to server", self.box.forwards, 10)

    def start_box(self, config):
        """Starts tpsd; @STATE@ and @DIR@ in the configuration are this lab's and the file's
        folder."""
        with open(config, encoding="utf-8") as src:
            text = src.read()
        filled = text.replace("@STATE@", self.state).replace("@DIR@", os.path.dirname(config))
        if filled != text:
            config = self.path("box/tpsd.yaml")
            with open(config, "w", encoding="utf-8") as out:
                out.write(filled)
        self.box.start(config)

    def start_link(self, side):
        options = self.spec[f"link_{side}"]
        if options:
            argv = [lab_tool("delay"), "--a", "port-a", "--b", "port-b"]
            for option in options.replace(",", " ").split():
                key, _, value = option.partition("=")
                argv += [f"--{key}", value] if value else [f"--{key}"]
            self.tracked.start(f"link-{side}", argv, netns=self.topo.ns(f"link-{side}"))

    def start_encap(self, host):
        label = f"encap-{host['name']}"
        namespace = self.topo.ns(host["name"])
        self.tracked.start(label, self.topo.encap_argv(lab_tool("encap"), host), netns=namespace)

        def there():
            if not self.tracked.alive(label):
                raise LabError(f"{label} ended at its start:\n" + self.tracked.log_tail(label))
            return run(*in_netns(namespace, ["ip", "link", "show", "tun0"]),
                       check=False).returncode == 0
        wait_for(f"the tun device of {host['name']}", there, 5)
        self.topo.finish_encap_host(host)

    def down(self, keep_logs=False):
        """Ends every program and removes every namespace of this lab; harmless when none is up."""
        self.tracked.stop_all()
        self.box.remove()
        self.topo.remove()
        if not keep_logs:
            shutil.rmtree(self.state, ignore_errors=True)
        self.spec = None

    def status(self):
        if not self.spec:
            return {"name": self.name, "up": False}
        programs = {n: self.tracked.alive(n) for n in self.tracked.names()}
        return {"name": self.name, "up": True, "wire": self.spec["wire"], "state": self.state,
                "hosts": {n: self.topo.ns(n) for n in self.hosts()},
                "client_address": "10.10.0.10", "server_address": "10.10.0.20",
                "server_addresses": self.spec["server_addresses"], "programs": programs,
                "config": self.spec["config"], "pki": self.pki.folder,
                "access_log": self.path("servers", self.web_server(), "logs/access.json"),
                "log": self.path("log"), "up_seconds": self.spec.get("up_seconds")}

    def web_server(self):
        return "internet" if "internet" in self.spec["servers"] else "nginx"

    def print_status(self, as_json):
        """Prints it; 0 when the lab is up with all its programs, 3 when it is not."""
        status = self.status()
        if as_json:
            print(json.dumps(status, indent=1))
        elif not status["up"]:
            print(f"lab '{self.name}' is down")
        else:
            print(f"lab '{self.name}' is up: wire {status['wire']}, hosts "
                  f"{' '.join(status['hosts'])}, made in {status['up_seconds']} s")
            for name, pid in status["programs"].items():
                print(f"  {name}: {'pid ' + str(pid) if pid else 'DEAD, see its log'}")
            print(f"  files: {self.state} (pki/ca.pem, servers/{self.web_server()}/logs/access.json, "
                  "log/)")
        fine = status["up"] and all(status["programs"].values())
        return 0 if fine else 3
