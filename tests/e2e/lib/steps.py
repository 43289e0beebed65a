# SPDX-License-Identifier: Apache-2.0
"""Carries out a case's steps: programs run as hosts of the lab, no shell in between."""

import os
import subprocess
import time

from lablib import internet

from . import checks
from .boxconf import fill
from .case import CaseError

CURL = ["curl", "-sS", "--max-time", "30", "--cacert", "@PKI@/ca.pem", *internet.resolve_options()]
SITES = {"shop.test": (443, 80), "www.shop.test": (443,), "blog.test": (443, 80),
         "mail.test": (993, 995, 465)}


def curl_argv(args):
    argv = list(CURL)
    for site, ports in SITES.items():
        for port in ports:
            argv += ["--resolve", f"{site}:{port}:10.10.0.20"]
    return argv + [str(a) for a in args]


class Steps:
    """One run of a case's steps. `faults` gathers sentences; `folder` keeps every output."""

    def __init__(self, lab_tool, tps, lab_name, folder, names):
        self.lab_tool = lab_tool
        self.tps = tps
        self.lab_name = lab_name
        self.folder = folder
        self.names = names
        self.faults = []
        self.background = {}

    def argv_of(self, step):
        if "curl" in step:
            words = curl_argv(step["curl"])
        elif "raw" in step:
            words = ["@ROOT@/lab/rawtcp", "--trace", "--set", "PKI=@PKI@", *step["raw"][:-1],
                     "@CASE@/" + step["raw"][-1]]
        elif "lab" in step:
            return [self.lab_tool, "--name", self.lab_name, *map(str, step["lab"])]
        elif "tps" in step:
            return [self.tps, "--instance", self.lab_name, *map(str, step["tps"])]
        else:
            words = step["run"]
        words = [fill(str(w), self.names) for w in words]
        host = step.get("host", "client")
        if host == "host":
            return words
        namespace = f"sluice-{self.lab_name}" if host == "inside" else f"sl-{self.lab_name}-{host}"
        return ["nsenter", f"--net=/run/netns/{namespace}", "--", *words]

    def run_all(self, steps):
        for number, step in enumerate(steps, 1):
            step = fill(step, self.names)
            for turn in range(step.get("times", 1)):
                self.run_one(f"{number}" + (f".{turn + 1}" if turn else ""), step)
        for name in list(self.background):
            self.end_background(name, {})

    def run_one(self, label, step):
        if "sleep" in step:
            time.sleep(float(step["sleep"]))
        elif "listening" in step:
            self.wait_listening(label, step)
        elif "wait" in step:
            self.end_background(step["wait"], step)
        elif "background" in step:
            self.background[step["background"]] = (label, step, *self.start(label, step))
        else:
            process, out, err = self.start(label, step)
            self.finish(label, step, process, out, err)

    def wait_listening(self, label, step):
        """Until the server begun in the background can be reached; looked at, not asked, since a
        connection would be one of the case's."""
        port, host = str(step["listening"]), step.get("host", "server")
        argv = ["nsenter", f"--net=/run/netns/sl-{self.lab_name}-{host}", "--",
                "ss", "-Hltn", f"sport = :{port}"]
        end = time.monotonic() + step.get("timeout", 20)
        while not subprocess.run(argv, capture_output=True, check=False).stdout:
            if time.monotonic() > end:
                self.faults.append(f"step {label}: nobody on {host} listens on port {port}")
                return
            time.sleep(0.02)

    def start(self, label, step):
        out, err = (os.path.join(self.folder, f"step{label}.{s}") for s in ("out", "err"))
        given = os.path.join(self.folder, f"step{label}.in")
        with open(given, "w", encoding="utf-8", newline="") as text:
            text.write(step.get("stdin", ""))
        with open(given, "rb") as stdin, open(out, "wb") as stdout, open(err, "wb") as stderr:
            process = subprocess.Popen(self.argv_of(step), stdin=stdin, stdout=stdout,
                                       stderr=stderr, cwd=self.folder, start_new_session=True)
        return process, out, err

    def end_background(self, name, step):
        if name not in self.background:
            self.faults.append(f"nothing runs in the background as '{name}'")
            return
        label, begun, process, out, err = self.background.pop(name)
        self.finish(label, {**begun, **step}, process, out, err)

    def finish(self, label, step, process, out, err):
        argv = step.get("run") or step.get("curl") or step.get("raw") or step.get("lab") or step.get("tps") or ["?"]
        what = f"step {label} ({'curl' if 'curl' in step else os.path.basename(str(argv[-1 if 'raw' in step else 0]))})"
        patience = step.get("timeout", 40)
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            self.faults.append(f"{what} was still running after {patience} s")
            return
        faults = checks.check_exit(what, status, step.get("exit", 0))
        for key, path in (("stdout", out), ("stderr", err)):
            faults += checks.check_text(f"{what}'s {key}", path, step.get(key, {}))
        if faults and os.path.getsize(err):
            with open(err, encoding="utf-8", errors="replace") as src:
                said = src.read().strip()
            if "Traceback (most recent call last)" in said:
                raise CaseError(f"{what} is itself broken: {said.splitlines()[-1]}")
            faults.append(f"{what} said: {checks.shorten(said)}")
        self.faults += faults
