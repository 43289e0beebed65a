# SPDX-License-Identifier: Apache-2.0
"""The demo's acts: without inspection, with it, under kill -9, panic, clients that browse, and the management system. Each
claim is judged by what the ends saw: the client's bytes, the server's access log, captures of both
wires. Exit status 0 only if every claim held. KEEP=1 leaves the lab up.
"""

import json
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import report  # noqa: E402
from browse import act_browse  # noqa: E402
from manage import act_manage  # noqa: E402
from screen import Screen, clip  # noqa: E402
from stage import ATTACK, CLIENT, ROOT, SECRET, LabError, Stage, find_binary  # noqa: E402

SID = 9000001  # of demo.rules
RATE, SECONDS = 10, 14
KILL_WORKER_AT, KILL_ALL_AT, RESTART_AT = 2.0, 5.0, 9.0
RECOVERY_S = 1.0   # what begins later than this after a kill must not fail
HUNG_S = 5.0       # no request may take longer, kill or not
FAILURES_MAX = 10


def attack(screen, stage):
    """The attack as the client sees it: (whether the secret came back, what was seen)."""
    status, body, trace = stage.curl("https://shop.test" + ATTACK)
    screen.command("curl https://shop.test" + ATTACK, body + trace)
    if SECRET in body:
        return True, f"the secret came back: {body.strip()}"
    last = [line for line in trace.splitlines() if line.startswith("curl:") or "error" in line.lower()]
    return False, f"no secret; curl status {status}" + (f", {last[-1].strip('* ')}" if last else "")


def ask(screen, stage, url):
    """A finished curl as the client, for the report alone."""
    status, body, trace = stage.curl(url)
    screen.command(f"curl -v --cacert ca.pem {url}", body + trace, quiet=True)
    return status, body, trace


def act_without(screen, stage):
    screen.act("Act 1: without inspection", "the box forwards, the server has a hole")
    leaked, seen = attack(screen, stage)
    screen.claim("the attack works", leaked, seen)


def first_line(text):
    lines = text.strip().splitlines()
    return " ".join(lines[0].split()) if lines else "tps says nothing"


def common_name(trace):
    found = re.search(r"subject: .*?CN ?= ?([\w.*-]+)", trace)
    return found.group(1) if found else "none"


def act_with(screen, stage):
    screen.act("Act 2: with inspection", "the same wire, the same server, one switch")
    stage.configure(True)
    applied = stage.tps("config", "apply", stage.config)
    screen.command("tps config apply demo.yaml        # ssl_inspection: {server: true}",
                   applied.stdout + applied.stderr)
    if not screen.claim("the document is applied", applied.returncode == 0,
                        first_line(applied.stdout or applied.stderr)):
        return
    reached = len(stage.access("cgi-bin/view"))
    with stage.capture() as wires:
        leaked, seen = attack(screen, stage)
        status, body, _ = ask(screen, stage, "https://shop.test/whoami")
        names = {s: common_name(ask(screen, stage, f"https://{s}/")[2]) for s in ("shop.test", "blog.test")}
    screen.claim("the same attack is blocked", not leaked, seen)
    arrived = len(stage.access("cgi-bin/view")) - reached
    screen.claim("it never reached the server", arrived == 0, f"{arrived} lines in its access log")
    blocked = stage.events("ips_block")
    screen.claim("the block is logged", any(is_block(e) for e in blocked), block_line(blocked))
    served = stage.access("/whoami")
    screen.claim("what is allowed comes from the true client",
                 status == 0 and body.strip() == CLIENT and bool(served) and
                 served[-1]["client"] == CLIENT,
                 access_line(served))
    screen.claim("two sites, two certificates, one address", all(s == n for s, n in names.items()),
                 ", ".join(f"{site} shows CN={name}" for site, name in names.items()))
    claim_wires(screen, wires)


def claim_wires(screen, wires):
    readable, terminated = wires.readable(), wires.terminated()
    screen.claim("ciphertext on both wires", not readable and len(terminated) > 0,
                 f"{len(terminated)} TLS connections captured, nothing readable" if not readable
                 else f"readable: {readable}")
    screen.claim("decrypted in between, unseen",
                 bool(terminated) and all(terminated) and wires.result["same_addressing"],
                 "two TLS sessions each; same MACs, addresses and ports on both sides"
                 if wires.result["same_addressing"] else "the two sides' addressing differs")


def is_block(event):
    alert = event.get("alert", {})
    return (event.get("src_ip") == CLIENT and alert.get("signature_id") == SID and
            alert.get("action") == "blocked")


def block_line(events):
    if not events:
        return "no line in ips_block.json"
    event = events[-1]
    alert = event.get("alert", {})
    return (f"{alert.get('action')} {event.get('src_ip')} > {event.get('dest_ip')}:"
            f"{event.get('dest_port')} sid {alert.get('signature_id')} {alert.get('signature')}")


def access_line(lines):
    if not lines:
        return "the server saw no such request"
    line = lines[-1]
    return f"server's log: {line['client']} {line['method']} {line['uri']} {line['status']}"


class Under:
    """A steady user, and what happened to each of the requests."""

    def __init__(self, stage):
        self.child, self.record = stage.steady(RATE, SECONDS), stage.record
        self.began = time.monotonic()
        self.kills = []
        self.requests = []

    def wait_until(self, at):
        time.sleep(max(0.0, self.began + at - time.monotonic()))

    def killed(self):
        self.kills.append(time.monotonic() - self.began)

    def end(self):
        out, _ = self.child.communicate(timeout=SECONDS + 30)
        self.record(f"steady.py: shop.test, {RATE} requests a second for {SECONDS} s, a line each", out)
        self.requests = [json.loads(line) for line in out.splitlines()]

    def failures(self):
        return [r for r in self.requests if r["error"]]

    def late_failures(self):
        """Failures of requests that began well after a kill, or before any."""
        return [r for r in self.failures()
                if not any(k - HUNG_S < r["at"] < k + RECOVERY_S for k in self.kills)]

    def slowest(self):
        return max((r["took"] for r in self.requests), default=0.0)


def act_killed(screen, stage):
    screen.act("Act 3: kill -9", f"{RATE} new connections a second while processes die")
    load = Under(stage)
    load.wait_until(KILL_WORKER_AT)
    worker = stage.worker()
    if worker:
        screen.command(f"kill -9 {worker}        # a worker")
        load.killed()
        os.kill(worker, signal.SIGKILL)
    load.wait_until(KILL_ALL_AT)
    screen.note("kill -9 of every process of tpsd")
    load.killed()
    stage.lab_command("box", "kill")
    left = stage.lab.box.processes()
    load.wait_until(RESTART_AT)
    screen.note(f"{RESTART_AT - KILL_ALL_AT:.0f} s without any process; then tpsd is started again")
    stage.lab_command("box", "start", stage.config)
    load.killed()
    load.end()
    claim_killed(screen, load, worker, left)
    leaked, seen = attack(screen, stage)
    screen.claim("inspection is back", not leaked, seen)


def claim_killed(screen, load, worker, left):
    screen.claim("a worker and then all processes were killed", worker is not None and not left,
                 "none was left alive" if not left else f"still alive: {left}")
    failures, late = load.failures(), load.late_failures()
    first = f"; the first: {failures[0]['error']}" if failures else ""
    screen.claim("requests that failed",
                 len(load.requests) == RATE * SECONDS and len(failures) <= FAILURES_MAX and not late,
                 f"{len(failures)} of {len(load.requests)}, {len(late)} of them later than "
                 f"{RECOVERY_S:g} s after a kill{first}")
    screen.claim("none hung", bool(load.requests) and load.slowest() <= HUNG_S,
                 f"the slowest took {load.slowest() * 1000:.0f} ms")


def act_panic(screen, stage):
    screen.act("Act 4: panic", "whatever happens: out of the way, and back")
    began = time.monotonic()
    done = stage.tps("panic", "fallback")
    took = time.monotonic() - began
    screen.command("tps panic fallback        # step 3 of panic", done.stdout + done.stderr)
    screen.claim("the box steps aside in under a second", done.returncode == 0 and took < 1.0,
                 f"{took * 1000:.0f} ms" if done.returncode == 0 else done.stderr)
    with stage.capture() as wires:
        leaked, seen = attack(screen, stage)
    screen.claim("traffic passes untouched", leaked and not any(wires.terminated()) and
                 bool(wires.terminated()), seen)
    done = stage.tps("panic", "clear")
    screen.command("tps panic clear", done.stdout + done.stderr)
    leaked, seen = attack(screen, stage)
    screen.claim("and it is back", done.returncode == 0 and not leaked,
                 seen if done.returncode == 0 else done.stderr)


def hints(stage):
    lab = f"lab/lab --name {stage.name}"
    curl = (f"{lab} exec client -- curl --cacert {stage.lab.pki.path('ca.pem')} "
            "--resolve shop.test:443:10.10.0.20")
    rule = ('alert http any any -> any any (msg:"My own"; http.uri; content:"/robots.txt"; '
            'sid:1000001; rev:1;)')
    binary = find_binary("tps", "TPS")
    near = os.path.relpath(binary)
    tps = f"{binary if near.startswith('..') else near} --instance {stage.name}"
    print(f"""
The lab is up. Three things to try:
1. The attack again, and what the box wrote down about it:
     {curl} 'https://shop.test{ATTACK}'
     tail -1 {stage.logs}/ips_block.json
2. Write your own rule and watch it block:
     {curl} https://shop.test/robots.txt
     echo '{rule}' >> {stage.rules}
     {tps} config apply {stage.config}
     {curl} https://shop.test/robots.txt
3. Look inside:
     {tps} show tse ssl-inspection
     {tps}        (interactive; ? and the tab key help)
When done: {lab} down""")


def play(screen, stage):
    screen.note("the lab: client 10.10.0.10 -- box, no address -- server 10.10.0.20, each a "
                "network namespace")
    stage.build()
    for act in (act_without, act_with, act_killed, act_panic, act_browse, act_manage):
        act(screen, stage)


def write_report(screen):
    build = os.environ.get("SLUICE_BUILD") or os.path.join(ROOT, "build")
    path = os.environ.get("REPORT") or os.path.join(build, "demo.html")
    report.write(screen, path)
    print(f"the report, with what each command printed: {os.path.relpath(path)}")


def main():
    screen = Screen()
    stage = Stage(os.environ.get("LAB_NAME") or "demo",
                  lambda text, output: screen.command(text, output, quiet=True))
    keep = os.environ.get("KEEP") == "1"
    failed = None
    try:
        play(screen, stage)
    except LabError as err:
        failed = str(err)
    except KeyboardInterrupt:
        failed = "interrupted"
    finally:
        if not keep:
            stage.remove()
    if screen.rows:
        screen.table()
        write_report(screen)
    if failed:
        print(f"demo: {clip(failed, 2000)}", file=sys.stderr)
    elif keep:
        hints(stage)
    return 0 if screen.all_so() and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
