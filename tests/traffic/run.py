#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the traffic cases: a folder a case, with

  rules          rules in the Suricata language
  stream         a connection described as text (tse/replay/described.h), or
  capture.pcap   a capture
  expect         what must come of it, a line each:
                   SID                every rule and anomaly that must match, and no other
                   verdict WORD       go_on (default), trust, block
                   to_server N        bytes released to the server; to_client N likewise
                   set NAME=VALUE     a variable of the rules
                   unsplit            the case means one way of cutting: run as it is only

Each described case runs as it is and cut into pieces of several sizes down to one byte: the result
must be the same. With --keywords it is also checked that each keyword that the engine takes has
its case, with a rule that matches and one that does not.
"""
import json
import os
import re
import subprocess
import sys

SPLITS = [0, 1, 2, 3, 7, 64]


def read_expect(path):
    want = {"sids": [], "verdict": "go_on", "set": [], "unsplit": False}
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0].isdigit():
                want["sids"].append(int(words[0]))
            elif words[0] == "unsplit":
                want["unsplit"] = True
            elif words[0] == "set":
                want["set"].append(words[1])
            elif words[0] in ("to_server", "to_client"):
                want[words[0]] = int(words[1])
            elif words[0] == "verdict":
                want["verdict"] = words[1]
            else:
                raise ValueError(f"{path}: {line!r}")
    return want


def replay(tool, case, want, split):
    stream = os.path.join(case, "stream")
    cmd = [tool, "--summary", "--rules", os.path.join(case, "rules")]
    for v in want["set"]:
        cmd += ["--set", v]
    if split:
        cmd += ["--split", str(split)]
    cmd += ["--stream", stream] if os.path.exists(stream) else [os.path.join(case, "capture.pcap")]
    p = subprocess.run(cmd, capture_output=True, text=True, timeout=60, check=False)
    events = [json.loads(l) for l in p.stdout.splitlines()]
    return p, [e for e in events if e["event_type"] == "alert"], events[-1] if events else {}


def check_run(tool, case, want, split):
    p, alerts, summary = replay(tool, case, want, split)
    errors = []
    if p.returncode != 0 or p.stderr:
        errors.append(f"status {p.returncode}: {p.stderr.strip()}")
    got = sorted(a["alert"]["signature_id"] for a in alerts)
    if got != sorted(want["sids"]):
        errors.append(f"matched {got}, wanted {sorted(want['sids'])}")
    if os.path.exists(os.path.join(case, "stream")):
        if summary.get("verdict") != want["verdict"]:
            errors.append(f"verdict {summary.get('verdict')}, wanted {want['verdict']}")
        for d in ("to_server", "to_client"):
            if d in want and summary.get(d) != want[d]:
                errors.append(f"{d} {summary.get(d)} bytes, wanted {want[d]}")
    return errors


def run_case(tool, case):
    want = read_expect(os.path.join(case, "expect"))
    splits = [0] if want["unsplit"] else SPLITS
    return [f"split {s}: {e}" for s in splits for e in check_run(tool, case, want, s)]


def option_names(rules):
    """The option names that the rules of a file use, values left out."""
    text = re.sub(r'"(\\.|[^"\\])*"', '""', rules)
    return set(re.findall(r"[(;]\s*([a-z_][a-z0-9_.]*)\s*(?=[:;])", text))


def check_keywords(tool, root):
    out = subprocess.run([tool, "--keywords"], capture_output=True, text=True, check=True).stdout
    errors = []
    for line in out.splitlines():
        name, _, case, _ = line.split("\t", 3)
        folder = os.path.join(root, case)
        if not os.path.exists(os.path.join(folder, "rules")):
            errors.append(f"keyword {name}: no case {case}")
            continue
        with open(os.path.join(folder, "rules"), encoding="utf-8") as f:
            rules = f.read()
        want = read_expect(os.path.join(folder, "expect"))
        sids = {int(s) for s in re.findall(r"sid:(\d+)", rules)}
        if name not in option_names(rules):
            errors.append(f"keyword {name}: its case {case} does not use it")
        if not sids & set(want["sids"]) or not sids - set(want["sids"]):
            errors.append(f"keyword {name}: case {case} lacks a match or a non-match")
    return errors


def main():
    tool, root = sys.argv[1], os.path.dirname(os.path.abspath(sys.argv[0]))
    if len(sys.argv) > 2 and sys.argv[2] == "--keywords":
        errors = check_keywords(tool, root)
        print("\n".join(errors) or "every keyword has its case")
        return 1 if errors else 0
    names = sys.argv[2:] or sorted(n for n in os.listdir(root)
                                   if os.path.exists(os.path.join(root, n, "expect")))
    failed = 0
    for name in names:
        errors = run_case(tool, os.path.join(root, name))
        failed += bool(errors)
        print(f"{'FAIL' if errors else 'ok  '} {name}")
        for e in errors:
            print(f"     {e}")
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed or not names else 0


sys.exit(main())
