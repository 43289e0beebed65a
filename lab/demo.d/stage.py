# SPDX-License-Identifier: Apache-2.0
"""The demo's stage: its lab, the box's configurations, and hands to do things as a host."""

import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from lablib import internet  # noqa: E402
from lablib.box import cmdline, find_binary  # noqa: E402
from lablib.lab import Lab  # noqa: E402
from lablib.proc import LabError, in_netns, run  # noqa: E402
from lablib.servers import SECRET  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER, CLIENT = "10.10.0.20", "10.10.0.10"
ATTACK = "/cgi-bin/view?file=../../secret"


class Stage:
    """`record` is called with each command that is not said otherwise, and what it printed."""

    def __init__(self, name="demo", record=lambda text, output: None):
        self.name = name
        self.record = record
        self.lab = Lab(name)
        self.logs = f"/var/log/sluice/{name}"
        self.rules = self.lab.path("demo.rules")
        self.config = self.lab.path("demo.yaml")
        self.package = self.lab.path("small-categories")

    def build(self):
        """The lab with the box on the wire, forwarding, inspection configured and switched off."""
        find_binary("tpsd", "TPSD")
        find_binary("tps", "TPS")
        self.lab_command("down")
        shutil.rmtree(self.logs, ignore_errors=True)
        self.lab_command("up", "--wire", "box")
        self.lab = Lab(self.name)
        internet.ensure(self.lab.pki)
        self.write("demo.rules", self.rules, 0o644)
        self.copy_package()
        self.configure(False)
        self.lab_command("box", "start", self.config)

    def copy_package(self):
        """The categories that the build made, and the key that it signed them with, to where the
        box's processes may read."""
        build = os.environ.get("SLUICE_BUILD") or os.path.join(ROOT, "build")
        for end in (".pkg", ".pub"):
            made = os.path.join(build, "packaging/small-categories" + end)
            if not os.path.exists(made):
                raise LabError(f"{made} is not there; run: make")
            shutil.copyfile(made, self.package + end)
            os.chmod(self.package + end, 0o644)

    def lab_command(self, *words):
        done = run(os.path.join(ROOT, "lab/lab"), "--name", self.name, *words)
        self.record(" ".join(["lab/lab", "--name", self.name, *words]), done.stdout + done.stderr)
        return done

    def write(self, name, target, mode, **more):
        values = {"PKI": self.lab.pki.folder, "RULES": self.rules, "LOGS": self.logs,
                  "PACKAGE": self.package, **more}
        with open(os.path.join(HERE, name), encoding="utf-8") as src:
            text = src.read()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        with open(target, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(target, mode)

    def configure(self, server, client=False, strict=False):
        """Writes the document; what differs are the switches (R56). Strict: the client is always
        decrypted (R116), and warned of servers that do not verify, not kept from them (R100, R101)."""
        def word(value):
            return "true" if value else "false"
        self.write("demo.yaml", self.config, 0o644, BLOCK=word(not strict),
                   ALWAYS=CLIENT if strict else "")
        with open(self.config, "a", encoding="utf-8") as out:
            out.write(f"ssl_inspection: {{server: {word(server)}, client: {word(client)}}}\n")

    def start_internet(self):
        """Many sites in the place of the two."""
        self.lab_command("server", "stop", "nginx")
        self.lab_command("server", "start", "internet")

    def end_internet(self):
        """The two sites again."""
        self.lab_command("server", "stop", "internet")
        self.lab_command("server", "start", "nginx")

    def browser_trust(self):
        """What the company's clients trust: its own CA beside the public one."""
        path = self.lab.path("browser-trust.pem")
        with open(path, "w", encoding="ascii") as out:
            for name in ("client-trust.pem", "ca.pem"):
                with open(self.lab.pki.path(name), encoding="ascii") as src:
                    out.write(src.read())
        return path

    def browse(self, argv):
        """A finished curl as the client, which knows the names of the internet."""
        return run(*self.as_client([argv[0], *internet.resolve_options(), *argv[1:]]), check=False)

    def event_of(self, server, port, seconds=3.0):
        """The box's line on the connection from this port of the client; {} when there is none."""
        path = os.path.join(self.logs, "ssl_inspection.json")
        end = time.monotonic() + seconds
        while True:
            found = [e for e in read_json_lines(path)
                     if e.get("dest_ip") == server and e.get("src_port") == port]
            if found or time.monotonic() > end:
                return found[-1] if found else {}
            time.sleep(0.05)

    def as_client(self, argv):
        return in_netns(self.lab.topo.ns("client"), argv)

    def curl(self, url, *options, seconds=6):
        """(status, output, trace) of curl as the client, which trusts the lab's CA alone."""
        argv = ["curl", "-sv", "-m", str(seconds), "--cacert", self.lab.pki.path("ca.pem")]
        for site in ("shop.test", "blog.test"):
            argv += ["--resolve", f"{site}:443:{SERVER}"]
        done = subprocess.run(self.as_client([*argv, *options, url]), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout, done.stderr

    def tps(self, *words):
        """The device's command line; its finished process."""
        return run(find_binary("tps", "TPS"), "--instance", self.name, *words, check=False)

    def capture(self):
        return Capture(self)

    def access(self, mark, server="nginx"):
        """The server's own lines on requests whose URI contains `mark`."""
        path = self.lab.path("servers", server, "logs/access.json")
        with open(path, encoding="utf-8") as src:
            lines = [json.loads(line) for line in src if line.strip()]
        return [line for line in lines if mark in line["uri"]]

    def events(self, kind, seconds=3.0):
        """The box's event lines of a kind; waits a little for the first."""
        path = os.path.join(self.logs, kind + ".json")
        end = time.monotonic() + seconds
        while True:
            found = read_json_lines(path)
            if found or time.monotonic() > end:
                return found
            time.sleep(0.05)

    def worker(self):
        """The pid of a worker, or None."""
        found = [p for p in self.lab.box.processes() if "worker" in cmdline(p)]
        return found[0] if found else None

    def steady(self, rate, seconds):
        argv = ["/usr/bin/python3", os.path.join(HERE, "steady.py"), SERVER, "shop.test",
                self.lab.pki.path("ca.pem"), str(rate), str(seconds)]
        return subprocess.Popen(self.as_client(argv), stdout=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL)

    def remove(self):
        self.lab_command("down")
        shutil.rmtree(self.logs, ignore_errors=True)


class Capture:
    """Both ends of the wire, recorded while in the `with` block; then `result`."""

    def __init__(self, stage):
        self.stage = stage
        self.result = None

    def __enter__(self):
        self.stage.lab_command("capture", "start")
        return self

    def __exit__(self, *failure):
        self.stage.lab_command("capture", "stop")
        if failure[0] is None:
            argv = ["lab/wirecmp", "--name", self.stage.name, "--json", "--needle", SECRET, "--needle",
                    "cgi-bin/view", "--needle", "whoami"]
            done = run(os.path.join(ROOT, argv[0]), *argv[1:], check=False)
            self.stage.record(" ".join(argv), done.stdout + done.stderr)
            self.result = json.loads(done.stdout)

    def readable(self):
        """[(needle, end)] of what could be read on the wire."""
        return [(n, end) for n, where in self.result["needles"].items()
                for end, found in where.items() if found]

    def terminated(self):
        """Of each TLS connection: whether its two ends were in different ones."""
        return [f["tls"]["terminated"] for f in self.result["flows"]
                if f["kind"] == "tcp" and f["tls"]["terminated"] is not None]


def read_json_lines(path):
    try:
        with open(path, encoding="utf-8") as src:
            return [json.loads(line) for line in src if line.endswith("\n")]
    except FileNotFoundError:
        return []
