# SPDX-License-Identifier: Apache-2.0
"""Counters of the box as its command line shows them: `{group: {name: count}}` in a case, where
count is N, >=N or <=N; the group `reasons` is why flows ended."""

import json
import subprocess
import time

from .checks import count_fits

PATIENCE_S = 2.5  # counters of the eBPF side are copied once a second


def read(tps, instance, group):
    done = subprocess.run([tps, "--instance", instance, "--json", "show", "counters", group],
                          capture_output=True, text=True, timeout=10, check=False,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ValueError(f"tps cannot show {group}: {done.stderr.strip()}")
    return flatten(json.loads(done.stdout))


def flatten(document):
    """All numbers of a document by their last name, however deep they lie."""
    out = {}
    if isinstance(document, dict):
        if isinstance(document.get("name"), str) and isinstance(document.get("value"), int):
            out[document["name"]] = document["value"]
        for key, value in document.items():
            if isinstance(value, bool):
                continue
            if isinstance(value, int):
                out.setdefault(key, value)
            else:
                out.update(flatten(value))
    elif isinstance(document, list):
        for item in document:
            out.update(flatten(item))
    return out


def check(tps, instance, wanted):
    end = time.monotonic() + PATIENCE_S
    while True:
        faults = []
        for group, names in wanted.items():
            seen = read(tps, instance, group)
            for name, count in names.items():
                if name not in seen:
                    faults.append(f"counter {group} {name} is not shown")
                elif not count_fits(seen[name], count):
                    faults.append(f"counter {group} {name} is {seen[name]}, not {count}")
        if not faults or time.monotonic() > end:
            return faults
        time.sleep(0.2)
