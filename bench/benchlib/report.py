# SPDX-License-Identifier: Apache-2.0
"""From samples to bench/results/latest.json, its table, and whether each target was met.

A ratio is always "ours is this much better": 1.0 is level, more is better, whatever the unit.
"""

import json
import os
import statistics

from . import outbound, peers
from .cases import ALL, CASES, WIRES

OURS = "sluice"
MEMORY_KIB = 40.0


class Row:
    """All rounds of one case (with its reuse) of one peer."""

    def __init__(self, case, peer, samples):
        self.case, self.peer = case, peer
        self.all = samples
        self.good = [s for s in samples if not s.faults and s.value is not None]

    def median(self, what):
        values = [v for v in map(what, self.good) if v is not None]
        return statistics.median(values) if values else None

    @property
    def value(self):
        return self.median(lambda s: s.value)

    def spread(self):
        """(greatest - least) / median."""
        values = [s.value for s in self.good]
        return (max(values) - min(values)) / self.value if values and self.value else None

    def softirq(self):
        return self.median(lambda s: s.softirq_share)

    def cpu(self, per):
        """CPU seconds of the box an op or a GiB: its processes and its share of softirq."""
        def of(sample):
            amount = sample.gib if per == "gib" else sample.ops
            if self.case.per != per or not amount or self.case.mode in ("hold", "visit"):
                return None
            return (sample.cpu_s + (sample.softirq_share or 0.0)) / amount
        return self.median(of)

    def errors(self):
        return [f"round {s.round}: {fault}" for s in self.all for fault in s.faults]


def share_softirq(samples):
    """Sets softirq_share: what the machine spent beyond the direct wire for the same work."""
    direct = {(s.case, s.round): s for s in samples if s.peer.name == "direct" and not s.faults}
    for sample in samples:
        base = direct.get((sample.case, sample.round))
        sample.softirq_share = None
        amount, base_amount = (work(sample), work(base)) if base else (0, 0)
        if amount and base_amount:
            ends = base.softirq_s / base_amount * amount
            sample.softirq_share = max(0.0, sample.softirq_s - ends)


def work(sample):
    return sample.gib if sample.case.per == "gib" else sample.ops


def make_rows(samples):
    share_softirq(samples)
    rows = []
    for case in CASES:
        measured = {s.peer.name for s in samples if s.case == case}
        for peer in (p for p in ALL if p in measured):
            mine = [s for s in samples if s.case == case and s.peer.name == peer]
            rows.append(Row(case, peer, mine))
    return rows


def rounded(value, digits=3):
    return None if value is None else round(value, digits)


def result(row):
    micro = row.cpu("op")
    memory = row.value if row.case.name == "idle_memory" else None
    return {"case": row.case.name, "peer": row.peer, "reuse": row.case.reuse,
            "unit": "us p50" if row.case.unit == "us" else row.case.unit,
            "samples": [rounded(s.value) for s in row.good], "median": rounded(row.value),
            "spread": rounded(row.spread()), "errors": row.errors(),
            "cpu_us_per_op": rounded(micro * 1e6 if micro is not None else None, 1),
            "cpu_s_per_gib": rounded(row.cpu("gib")), "softirq_s": rounded(row.softirq()),
            "rss_kib_per_session": rounded(memory, 1)}


def tail(row):
    """The second result of a latency: its 99th percentile."""
    values = [s.p99_us for s in row.good]
    middle = statistics.median(values) if values else None
    spread = (max(values) - min(values)) / middle if middle else None
    return {**result(row), "unit": "us p99", "samples": values, "median": middle,
            "spread": rounded(spread)}


class Targets:
    def __init__(self, rows):
        self.rows = {(r.case.name, r.case.reuse, r.peer): r for r in rows}
        self.found = []

    def get(self, name, reuse, peer, what):
        row = self.rows.get((name, reuse, peer))
        return what(row) if row and row.good else None

    def add(self, name, metric, against, ratio, must):
        self.found.append({"case": name, "metric": metric, "against": against,
                           "ratio": rounded(ratio), "must": must,
                           "met": ratio is not None and rounded(ratio) >= must})

    def best(self, rivals, name, reuse, what, smaller):
        values = {p: self.get(name, reuse, p, what) for p in rivals}
        values = {p: v for p, v in values.items() if v is not None}
        if not values:
            return None, None
        peer = (min if smaller else max)(values, key=values.get)
        return peer, values[peer]

    def against_best(self, case, metric, what, smaller):
        """Ours against the best of the three; not measured is not met."""
        name, reuse = case.name, case.reuse
        rivals = outbound.RIVALS if case.outbound else peers.RIVALS
        ours = self.get(name, reuse, OURS, what)
        peer, best = self.best(rivals, name, reuse, what, smaller)
        ratio = None
        if ours is not None and best is not None:
            ratio = ratio_of(best, ours) if smaller else ratio_of(ours, best)
        label = metric + (", reuse off" if reuse == "off" else "")
        self.add(name, label, peer or "/".join(rivals), ratio, 1.0)

    def compute(self):
        def value(row):
            return row.value
        done = {(r.case.name, r.case.reuse) for r in self.rows.values() if r.peer == OURS}
        for case in (c for c in CASES if (c.name, c.reuse) in done):
            if case.peers == WIRES:
                mine, bridge = (self.get(case.name, "default", p, value) for p in (OURS, "bridge"))
                self.add(case.name, "rate", "bridge", ratio_of(mine, bridge), 0.9)
            elif case.name == "resumed":
                mine = self.get("resumed", "default", OURS, value)
                full = self.get("full_p256", "default", OURS, value)
                self.add("resumed", "rate", "sluice full_p256", ratio_of(mine, full), 1.5)
            elif case.name == "idle_memory":
                mine = self.get("idle_memory", "default", OURS, value)
                self.add("idle_memory", "KiB/session", f"{MEMORY_KIB:g} KiB",
                         ratio_of(MEMORY_KIB, mine), 1.0)
            elif case.unit == "us":
                self.latency(case)
            elif case.unit == "KiB/leaf":
                self.against_best(case, case.unit, value, True)
            else:
                self.against_best(case, "rate", value, False)
                self.against_best(case, "cpu", lambda r: r.cpu(r.case.per), True)
        return self.found

    def latency(self, case):
        """Added latency: what is there beyond the direct wire's."""
        for metric, of in (("added p50", lambda s: s.p50_us), ("added p99", lambda s: s.p99_us)):
            def what(row, of=of):
                base = self.get(case.name, "default", "direct", lambda r: r.median(of))
                mine = row.median(of)
                return None if base is None or mine is None else max(mine - base, 1.0)
            self.against_best(case, metric, what, True)


def ratio_of(over, under):
    return over / under if over is not None and under else None


def document(host, rounds, samples):
    rows = make_rows(samples)
    results = []
    for row in rows:
        results.append(result(row))
        if row.case.unit == "us":
            results.append(tail(row))
    base = {}
    for row in rows:
        if row.case.name == "idle_memory" and row.good:
            base[row.peer] = row.median(lambda s: s.base_kib)
    return {"schema": 1, "host": {**host, "base_pss_kib": base}, "rounds": rounds,
            "results": results, "targets": Targets(rows).compute()}


def number(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def table(doc):
    """The document as Markdown: a table for inbound, one for outbound."""
    host = doc["host"]
    lines = [f"# Bench: {doc['rounds']} round(s) on {host['cpu']}, {host['cores']} cores, Linux "
             f"{host['kernel']}", ""]
    there = {c.name: c.outbound for c in CASES}
    for of in (False, True):
        results = [r for r in doc["results"] if there[r["case"]] == of]
        if results:
            lines += result_lines(results) + [""]
    lines += ["Medians; CPU is that of the box's processes and its share of softirq.", ""]
    lines += target_lines(doc["targets"]) + error_lines(doc["results"])
    return "\n".join(lines) + "\n"


def result_lines(results):
    found = {r["peer"] for r in results}
    columns = [p for p in ALL if p in found]
    lines = ["| case | unit | " + " | ".join(columns) + " |", "|---|---|" + "---:|" * len(columns)]
    keys = dict.fromkeys((r["case"], r["reuse"], r["unit"]) for r in results)
    for case, reuse, unit in keys:
        found = {r["peer"]: r for r in results
                 if (r["case"], r["reuse"], r["unit"]) == (case, reuse, unit)}
        label = case + (" (reuse off)" if reuse == "off" else "")
        lines.append(f"| {label} | {unit} | " + " | ".join(cell(found.get(p)) for p in columns) +
                     " |")
        for key, text in (("cpu_us_per_op", "CPU us/op"), ("cpu_s_per_gib", "CPU s/GiB")):
            if any(r[key] for r in found.values()) and unit != "us p99":
                cells = (number(found[p][key]) if p in found else "" for p in columns)
                lines.append(f"| | {text} | " + " | ".join(cells) + " |")
    return lines


def cell(found):
    if not found:
        return ""
    return number(found["median"]) if found["median"] is not None else "void"


def target_lines(targets):
    if not targets:
        return []
    lines = ["| target | metric | against | ratio | must | met |", "|---|---|---|---:|---:|---|"]
    for t in targets:
        lines.append(f"| {t['case']} | {t['metric']} | {t['against']} | {number(t['ratio'])} | "
                     f"{t['must']} | {'yes' if t['met'] else 'no'} |")
    return lines + ["", "A ratio says how much better ours is, whatever the unit.", ""]


def error_lines(results):
    errors = [f"- {r['case']} ({r['reuse']}), {r['peer']}: {text}"
              for r in results if r["unit"] != "us p99" for text in r["errors"]]
    return ["Void samples:", "", *errors, ""] if errors else ["No sample was void.", ""]


def write(folder, doc):
    os.makedirs(folder, exist_ok=True)
    for name, text in (("latest.json", json.dumps(doc, indent=1) + "\n"), ("latest.md", table(doc))):
        partial = os.path.join(folder, name + ".new")
        with open(partial, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(partial, os.path.join(folder, name))
