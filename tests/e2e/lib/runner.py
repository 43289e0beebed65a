# SPDX-License-Identifier: Apache-2.0
"""Runs cases in a lab, one after the other: the lab is kept while cases ask for the same one, the
box starts anew for each. What a case left behind is in its folder of the results.
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import time

from lablib import internet, wirediff
from lablib.box import find_binary
from lablib.lab import Lab
from lablib.proc import LabError
from lablib.servers import SECRET

from . import checks
from .boxconf import fill, write_box
from .case import CaseError
from .steps import Steps

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(E2E))

EVENT_PATIENCE_S = 4.0
STALE_S = 2.6  # after this long without a heartbeat the eBPF side forwards by itself


def lab_arguments(case, mode, scale):
    """The options of `lab/lab up` for a case."""
    lab = case.lab
    return argparse.Namespace(
        config=None, wire="bridge" if mode == "bridge" else "box", host=lab.get("hosts", []),
        encap=lab.get("encap", ""), server_addresses=lab.get("server_addresses", 0),
        link_a=lab.get("link_a", ""), link_b=lab.get("link_b", ""),
        segments=lab.get("segments", 1), servers=",".join(lab.get("servers", ["nginx"])),
        size=[case.bulk[scale]])


class Run:
    """One case once, whole or broken in one way."""

    def __init__(self, case, mode, scale, lab_name, results):
        self.case = case
        self.mode = mode
        self.scale = scale
        self.lab_name = lab_name
        self.folder = os.path.join(results, case.name + (f"@{mode}" if mode else ""))
        self.lab = Lab(lab_name)
        self.faults = []

    def names(self):
        state = self.lab.state
        return {"PKI": self.lab.pki.folder, "STATE": state, "SECRET": SECRET, "CASE": self.case.folder,
                "LAB": self.lab_name, "E2E": E2E, "ROOT": ROOT,
                "TPS": "false" if self.mode == "bridge" else find_binary("tps", "TPS"),
                "BULK": self.case.bulk[self.scale],
                "WWW": os.path.join(state, "servers/nginx/www"), "OUT": self.folder,
                "LOGS": os.path.join(self.folder, "log"), "RULES": f"{self.folder}/filter.rules",
                "HOST_RULES": internet.host_rules(), **internet.names(),
                **{k.upper(): v[self.scale] if isinstance(v, dict) else v
                   for k, v in self.case.values.items()}}

    def execute(self):
        """Returns the faults. LabError and CaseError are faults of the set-up, not of the box."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.lab.up(lab_arguments(self.case, self.mode, self.scale))
        self.lab.pki.ensure()  # the box wants certificates where no server runs
        self.clear_logs()
        names = self.names()
        try:
            self.start_box(names)
            self.run_steps(names)
            self.judge(names)
            self.keep_counters()
        finally:
            self.finish_box()
        return self.faults

    def start_box(self, names):
        config = write_box(self.case, E2E, self.folder, names, self.mode)
        if self.mode == "bridge":
            return
        self.lab.box.start(config)
        if self.mode == "no_worker":
            self.lab.box.kill()
            time.sleep(STALE_S)

    def keep_counters(self):
        """For tests/unraised: what this case raised. Of a box that is gone there is nothing."""
        if self.mode:
            return
        with open(os.path.join(self.folder, "counters.json"), "wb") as out:
            subprocess.run([find_binary("tps", "TPS"), "--instance", self.lab_name, "--json", "show",
                            "counters"], stdin=subprocess.DEVNULL, stdout=out,
                           stderr=subprocess.DEVNULL, timeout=20, check=False)

    def finish_box(self):
        if self.mode == "bridge":
            return
        log = self.lab.tracked.log_path("tpsd")
        self.lab.box.stop()
        self.lab.box.remove()
        if os.path.exists(log):
            shutil.move(log, os.path.join(self.folder, "tpsd.log"))
            self.faults += checks.check_daemon_log(os.path.join(self.folder, "tpsd.log"))
        # The ports came and went with the box's namespace when it was killed: make them anew.
        if not self.ports_are_back():
            self.lab.down()

    def ports_are_back(self):
        listed = self.lab.topo.ip("box", "-br", "link", check=False).stdout
        return all(re.search(rf"^eth{n}\b", listed, re.M) for n in (1, 2))

    def run_steps(self, names):
        wire = self.case.expect.get("wire")
        if wire:
            self.lab.capture.start(wire.get("snaplen", 262144))
        tps = "false" if self.mode == "bridge" else find_binary("tps", "TPS")
        steps = Steps(os.path.join(ROOT, "lab/lab"), tps, self.lab_name, self.folder, names)
        steps.run_all(self.case.steps)
        self.faults += steps.faults
        if wire:
            self.lab.capture.stop()
            for end in ("client", "server"):
                shutil.copy(self.lab.capture.file(end), self.folder)

    def access_log(self, server):
        return os.path.join(self.lab.state, "servers", server, "logs/access.json")

    def clear_logs(self):
        for path in glob.glob(os.path.join(self.lab.state, "servers/*/logs/*.json")) + \
                glob.glob(os.path.join(self.lab.state, "servers/*/messages.json")):
            os.truncate(path, 0)

    def judge(self, names):
        expect = fill(self.case.expect, names)
        for wanted in expect.get("access_log", []):
            server = wanted.get("server", "nginx")
            self.faults += checks.check_records(f"access log of {server}",
                                                checks.read_lines(self.access_log(server)), [wanted])
        for wanted in expect.get("messages", []):
            path = os.path.join(self.lab.state, "servers/smtpd/messages.json")
            self.faults += checks.check_records("messages", checks.read_lines(path), [wanted])
        self.judge_wire(expect)
        self.judge_events(expect, names)
        self.judge_counters(expect)

    def judge_wire(self, expect):
        wanted = expect.get("wire")
        if wanted:
            needles = wanted.get("readable", []) + wanted.get("not_readable", [])
            result = wirediff.compare(os.path.join(self.folder, "client.pcap"),
                                      os.path.join(self.folder, "server.pcap"), needles)
            with open(os.path.join(self.folder, "wire.json"), "w", encoding="utf-8") as out:
                json.dump(result, out, indent=1)
            self.faults += checks.check_wire(result, wanted)

    def judge_events(self, expect, names):
        """Lines that must be there may take a moment; lines that must not are looked at last."""
        wanted = expect.get("events", [])
        end = time.monotonic() + (EVENT_PATIENCE_S if not self.mode else 0.5)
        while True:
            faults = []
            for item in wanted:
                path = os.path.join(names["LOGS"], item["log"] + ".json")
                faults += checks.check_records(f"{item['log']} log", checks.read_lines(path), [item])
            if not faults or time.monotonic() > end:
                break
            time.sleep(0.1)
        self.faults += faults

    def judge_counters(self, expect):
        wanted = expect.get("counters", {})
        if not wanted:
            return
        if self.mode == "bridge":
            self.faults.append("there is no box to count anything")
            return
        from . import counters
        try:
            self.faults += counters.check(find_binary("tps", "TPS"), self.lab_name, wanted)
        except ValueError as err:
            if self.mode != "no_worker":
                raise
            self.faults.append(str(err))


def run_case(case, mode, scale, lab_name, results):
    """(faults, error, seconds) of one case once: what was not as it must be, and what kept the
    run itself from being made (None when nothing did)."""
    started = time.monotonic()
    faults, error = [], None
    try:
        faults = Run(case, mode, scale, lab_name, results).execute()
    except (LabError, CaseError, OSError, ValueError) as err:
        error = f"the run itself failed: {err}"
    return faults, error, time.monotonic() - started
