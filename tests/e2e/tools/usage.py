# SPDX-License-Identifier: Apache-2.0
"""What the box's processes hold: descriptors and memory (PSS), now or compared with an earlier time.

usage: usage.py LAB --save F
       usage.py LAB --since F [--fds N] [--mib N] [--patience S]

With --since the exit status is 0 once, within S seconds, no process has more than N descriptors
and N MiB more than it had; else 1, and what there is too much of is said.
"""

import argparse
import json
import os
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from lablib.box import cmdline  # noqa: E402
from lablib.lab import Lab  # noqa: E402


def is_sanitized(pid):
    """AddressSanitizer keeps what was freed for a while: its memory says nothing of ours, and its
    own leak check is the better judge."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as src:
        return "libasan" in src.read()


def pss_kib(pid):
    if is_sanitized(pid):
        return 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as src:
        return next(int(line.split()[1]) for line in src if line.startswith("Pss:"))


def usage(lab):
    """{title: {fds, pss_kib}}; a process that just ended is left out."""
    out = {}
    for pid in Lab(lab).box.processes():
        try:
            out[cmdline(pid)[:60]] = {"fds": len(os.listdir(f"/proc/{pid}/fd")),
                                      "pss_kib": pss_kib(pid)}
        except (OSError, StopIteration):
            continue
    return out


def excess(before, now, args):
    out = []
    if not now:
        return ["the box has no process"]
    for title, had in before.items():
        has = now.get(title)
        if has is None:
            out.append(f"{title} is gone")
        elif has["fds"] > had["fds"] + args.fds:
            out.append(f"{title} has {has['fds']} descriptors, it had {had['fds']}")
        elif has["pss_kib"] > had["pss_kib"] + args.mib * 1024:
            out.append(f"{title} holds {has['pss_kib']} KiB, it held {had['pss_kib']}")
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("--save")
    parser.add_argument("--since")
    parser.add_argument("--fds", type=int, default=2)
    parser.add_argument("--mib", type=int, default=16)
    parser.add_argument("--patience", type=float, default=10.0)
    args = parser.parse_args()
    now = usage(args.lab)
    if args.save:
        with open(args.save, "w", encoding="utf-8") as out:
            json.dump(now, out)
        return 0 if now else 1
    with open(args.since, encoding="utf-8") as src:
        before = json.load(src)
    end = time.monotonic() + args.patience
    while now and excess(before, now, args) and time.monotonic() < end:
        time.sleep(0.25)
        now = usage(args.lab)
    for text in excess(before, now, args):
        print(text)
    return 1 if excess(before, now, args) else 0


if __name__ == "__main__":
    sys.exit(main())
