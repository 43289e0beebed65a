# SPDX-License-Identifier: Apache-2.0
"""One sample: runs the load program and reads the machine's counters at the two moments between
which it measures. docs/internals/performance.md says what each figure is and is not."""

import contextlib
import json
import os
import signal
import subprocess
import time

from . import cases
from .place import ORIGIN, SERVERS, run

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SETTLE_S = 2.0  # idle sessions: long enough for buffers to be given back
AWAKE_MAX_S = 120   # the longest sample is shorter
NO_VALUE = None


def cpu_seconds(pids):
    """utime + stime of these processes, all their threads."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as src:
                fields = src.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def softirq_seconds():
    """Of the whole machine."""
    with open("/proc/stat", encoding="ascii") as src:
        return int(src.readline().split()[7]) * TICK_S


def pss_kib(pids):
    """Sum of the proportional set sizes: a page shared by two of them counts once."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as src:
                for line in src:
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        except OSError:
            continue
    return total


class Sample:
    """A peer's figures in one case of one round; `faults` empty, or it is void."""

    def __init__(self, case, peer, number):
        self.case, self.peer, self.round = case, peer, number
        self.value = NO_VALUE       # in the case's unit
        self.p50_us = self.p99_us = NO_VALUE
        self.ops, self.gib, self.seconds = 0, 0.0, 0.0
        self.cpu_s = 0.0            # of the peer's processes
        self.softirq_s = 0.0        # of the whole machine
        self.pss_kib = self.base_kib = 0
        self.all_bytes = 0          # of response bodies, warm-up and all
        self.faults = []


@contextlib.contextmanager
def awake(case):
    """While a latency is measured no core may fall asleep: how long a machine (or what it is a guest
    of) takes to wake up is more than what is measured, and differs from minute to minute. Loops of
    the idle class give way to anything that wants to run."""
    argv = ["timeout", str(AWAKE_MAX_S), "chrt", "-i", "0", "sh", "-c", "while :; do :; done"]
    loops = [subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
             for _ in range(os.cpu_count() if case.unit == "us" else 0)]
    try:
        yield
    finally:
        for loop in loops:
            os.killpg(loop.pid, signal.SIGTERM)
            loop.wait()


def sites_of(case, peer):
    return case.sites // (peer.slow_sites if case.mode == "visit" else 1)


class Load:
    """The load program at work."""

    def __init__(self, case, peer, seconds):
        place = peer.place
        address, port = place.way(case, peer)
        argv = [place.load_binary, "--mode", case.mode, "--to", f"{address}:{port}", "--path",
                case.path, "--connections", str(case.connections), "--seconds", str(seconds),
                "--suite", "TLS_AES_128_GCM_SHA256"]
        if case.plain:
            argv += ["--plain"]
        elif case.outbound:
            argv += ["--sni", case.sni, "--trust", place.trusted(case, peer)]
        else:
            sni, leaf, _ = SERVERS[case.port]
            argv += ["--sni", sni, "--certificate", place.keys.pki.path(leaf + ".pem")]
        if peer.tunnel:
            argv += ["--tunnel", f"{ORIGIN}:{case.port}"]
        if case.sites:
            argv += ["--sites", str(sites_of(case, peer))]
        if case.first_sites:
            argv += ["--first-sites", str(case.first_sites // peer.slow_sites)]
        self.child = subprocess.Popen(place.as_client(argv), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def event(self):
        line = self.child.stdout.readline()
        if line:
            return json.loads(line)
        return {"event": "lost", "text": self.child.stderr.read().strip()[:200]}

    def go_on(self):
        """One that ended by itself has a fault to tell, which the next event has."""
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.write("\n")
            self.child.stdin.flush()

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.child.stderr.close()


def probe_legs(sample):
    """The server's own word on the suite of its leg, and on reuse where there must be none."""
    case, place = sample.case, sample.peer.place
    for _ in range(2 if case.reuse == "off" else 1):
        status, body = place.fetch(case, sample.peer, "/tls")
        words = body.split()
        if status or words[:2] != ["TLSv1.3", "TLS_AES_128_GCM_SHA256"]:
            sample.faults.append(f"the server's leg: curl status {status}, {body.strip()[:80]!r}")
        elif case.reuse == "off" and words[2:] == ["r"]:
            sample.faults.append("the server's leg resumed a session though reuse is off")


def take(case, peer, number, seconds):
    """Measures; a sample with faults has no value that may be used."""
    sample = Sample(case, peer, number)
    peer.place.origin_errors()
    if not case.plain:
        probe_legs(sample)
    peer.before()
    sample.base_kib = pss_kib(peer.pids())
    load = Load(case, peer, seconds)
    try:
        with awake(case):
            {"hold": run_hold, "visit": run_visit}.get(case.mode, run_timed)(sample, load)
    finally:
        load.end()
    sample.faults += peer.after(sample)
    said = peer.place.origin_errors()
    if said:
        sample.faults.append(f"server: {said.splitlines()[0][:160]}")
    return sample


def ended_early(sample, wanted, first, last):
    """Whether the load program did not come to its end by way of `wanted`: a fault."""
    if first["event"] == wanted and last["event"] == "end":
        return False
    sample.faults.append(f"the load ended early: {first} {last}")
    return True


def run_timed(sample, load):
    pids = sample.peer.pids()
    first = load.event()
    cpu, softirq = cpu_seconds(pids), softirq_seconds()
    if sample.case.name == "bulk_1":
        not_cubic = sample.peer.place.not_cubic()
        sample.faults += [not_cubic] if not_cubic else []
    last = load.event()
    sample.cpu_s = cpu_seconds(pids) - cpu
    sample.softirq_s = softirq_seconds() - softirq
    if ended_early(sample, "begin", first, last):
        return
    read_result(sample, last)
    if last["seconds"] <= 0 or not last["bytes"]:
        sample.faults.append("nothing was served")
        return
    if sample.case.unit == "us":
        sample.value = last["p50_us"]
    else:
        sample.value = cases.rate(sample.case, last["ops"], last["bytes"], last["seconds"])


def run_hold(sample, load):
    pids = sample.peer.pids()
    cpu, softirq = cpu_seconds(pids), softirq_seconds()
    first = load.event()
    if first["event"] == "held":
        sample.cpu_s = cpu_seconds(pids) - cpu
        sample.softirq_s = softirq_seconds() - softirq
        time.sleep(SETTLE_S)
        sample.pss_kib = pss_kib(sample.peer.pids())
        load.go_on()
    last = load.event()
    if ended_early(sample, "held", first, last):
        return
    read_result(sample, last)
    sample.value = sample.pss_kib / sample.case.connections


def run_visit(sample, load):
    """How much memory the leaves take that are made after the first ones."""
    case, peer = sample.case, sample.peer
    first = load.event()
    if first["event"] == "begin":
        time.sleep(SETTLE_S)
        sample.base_kib = pss_kib(peer.pids())
        load.go_on()
        first = load.event()
    if first["event"] == "held":
        time.sleep(SETTLE_S)
        sample.pss_kib = pss_kib(peer.pids())
        load.go_on()
    last = load.event()
    if ended_early(sample, "held", first, last):
        return
    read_result(sample, last)
    made = (case.sites - case.first_sites) // peer.slow_sites
    if sample.ops != made:
        sample.faults.append(f"{sample.ops} sites were visited, not {made}")
    sample.value = (sample.pss_kib - sample.base_kib) / made


def read_result(sample, result):
    sample.ops, sample.seconds = result["ops"], result["seconds"]
    sample.gib = result["bytes"] / cases.GIB
    sample.all_bytes = result["all_bytes"]
    sample.p50_us, sample.p99_us = result["p50_us"], result["p99_us"]
    sample.faults += [f"client: {text} ({count} times)" for text, count in result["fault"].items()]


def host():
    """What the figures were measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as src:
        model = [line.split(":", 1)[1].strip() for line in src if line.startswith("model name")]
    with open("/proc/meminfo", encoding="ascii") as src:
        memory = int(src.readline().split()[1])
    return {"kernel": os.uname().release, "cpu": model[0] if model else os.uname().machine,
            "cores": os.cpu_count(), "memory_mib": memory >> 10, "versions": versions()}


def versions():
    found = {}
    for name, argv in (("openssl", ["openssl", "version"]), ("nginx", ["nginx", "-v"]),
                       ("haproxy", ["haproxy", "-v"]), ("sslsplit", ["sslsplit", "-V"]),
                       ("squid", ["squid", "-v"]), ("mitmproxy", ["mitmdump", "--version"])):
        done = run(*argv, check=False)
        lines = (done.stdout + done.stderr).strip().splitlines()
        found[name] = lines[0] if lines else ""
    return found
