# SPDX-License-Identifier: Apache-2.0
"""A case: a folder with case.yaml, read and checked here. Unknown keys are errors, so that a
misspelt expectation cannot pass unnoticed. The format is described in docs/internals/testing.md.
"""

import os
import re

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, when it is there
MODES = ("bridge", "no_worker", "empty_rules", "divert_off")
BOXES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "boxes")
SCALES = ("small", "full", "long")
BULK = {"small": "4m", "full": "100m", "long": "300m"}
KEYS = {"about", "requirements", "forwarding", "only_box", "alone", "lab", "box", "box_settings",
        "rules", "rules_file", "steps", "expect", "broken", "scales", "values", "bulk", "variants"}
LAB_KEYS = {"encap", "hosts", "server_addresses", "link_a", "link_b", "segments", "servers"}
STEP_KEYS = {"run", "curl", "raw", "lab", "tps", "sleep", "wait", "listening", "host", "exit", "stdout", "stderr",
             "timeout", "times", "background", "about", "stdin"}
STEP_VERBS = {"run", "curl", "raw", "lab", "tps", "sleep", "wait", "listening"}
TEXT_KEYS = {"is", "contains", "absent", "matches", "same_as", "digest_of"}
EXPECT_KEYS = {"wire", "access_log", "messages", "events", "counters", "files"}
WIRE_KEYS = {"same_addressing", "tls", "readable", "not_readable", "one_sided", "snaplen"}
RECORD_KEYS = {"match", "count", "log", "server"}


class CaseError(Exception):
    """The case itself is wrong; its text names file and remedy."""


def _known(where, given, known):
    if not isinstance(given, dict):
        raise CaseError(f"{where}: a mapping is expected")
    unknown = set(given) - known
    if unknown:
        raise CaseError(f"{where}: unknown {', '.join(sorted(map(str, unknown)))} "
                        f"(known: {', '.join(sorted(known))})")


def lay_over(base, over):
    """Mappings merge, lists of named mappings merge by name, everything else is replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{k: lay_over(base[k], v) if k in base else v for k, v in over.items()}}
    if not (_named(base) and _named(over)):
        return over
    out = [dict(item) for item in base]
    for item in over:
        at = next((i for i, b in enumerate(out) if b["name"] == item["name"]), None)
        if at is None:
            out.append(item)
        else:
            out[at] = lay_over(out[at], item)
    return out


def _named(value):
    return isinstance(value, list) and value and all(
        isinstance(i, dict) and "name" in i for i in value)


class Case:
    """One case. Of a case with variants each is a case: the data with the variant's laid over."""

    def __init__(self, folder, name, data):
        self.folder = folder
        self.name = name
        self.file = os.path.join(folder, "case.yaml")
        self.data = data
        self.check()
        get = self.data.get
        self.about = get("about")
        self.requirements = get("requirements", [])
        self.forwarding = get("forwarding", False)
        self.only_box = get("only_box")
        self.alone = get("alone", False)
        self.lab = get("lab", {})
        self.box = get("box")
        self.box_settings = get("box_settings", {})
        self.rules = get("rules", "")
        if "rules_file" in self.data:
            with open(os.path.join(BOXES, get("rules_file")), encoding="utf-8") as src:
                self.rules += src.read()
        self.steps = get("steps")
        self.expect = get("expect", {})
        self.broken = get("broken", {})
        self.scales = get("scales", list(SCALES))
        self.values = get("values", {})
        self.bulk = {**BULK, **get("bulk", {})}

    def check(self):
        where, data = self.file, self.data
        _known(where, data, KEYS)
        for key in ("about", "box", "steps"):
            if not data.get(key):
                raise CaseError(f"{where}: '{key}' is missing")
        _known(where + ": lab", data.get("lab", {}), LAB_KEYS)
        for number, step in enumerate(data["steps"], 1):
            self.check_step(f"{where}: step {number}", step)
        self.check_expect(where + ": expect", data.get("expect", {}))
        for number in data.get("requirements", []):
            if not re.fullmatch(r"R\d+", str(number)):
                raise CaseError(f"{where}: requirements are written R1, R2 …, not '{number}'")
        _known(where + ": bulk", data.get("bulk", {}), set(SCALES))
        if not set(data.get("scales", [])) <= set(SCALES):
            raise CaseError(f"{where}: scales are {', '.join(SCALES)}")
        self.check_broken(where)

    def check_step(self, where, step):
        _known(where, step, STEP_KEYS)
        if len(STEP_VERBS & set(step)) != 1:
            raise CaseError(f"{where}: exactly one of {', '.join(sorted(STEP_VERBS))}")
        for key in ("stdout", "stderr"):
            if key in step:
                _known(f"{where}: {key}", step[key], TEXT_KEYS)

    def check_expect(self, where, expect):
        _known(where, expect, EXPECT_KEYS)
        _known(where + ": wire", expect.get("wire", {}), WIRE_KEYS)
        for key in ("access_log", "messages", "events"):
            for record in expect.get(key, []):
                _known(f"{where}: {key}", record, RECORD_KEYS)

    def check_broken(self, where):
        broken = self.data.get("broken", {})
        if self.data.get("forwarding") or self.data.get("only_box"):
            if broken or (self.data.get("forwarding") and self.data.get("only_box")):
                raise CaseError(f"{where}: one of 'forwarding', 'only_box' and 'broken'")
            return
        _known(where + ": broken", broken, set(MODES) - {"bridge"})
        for mode in MODES[1:]:
            if broken.get(mode) not in ("fails", "same"):
                raise CaseError(f"{where}: broken: say '{mode}: fails' or '{mode}: same' "
                                "(what the case does with inspection broken that way)")
        if "fails" not in broken.values():
            raise CaseError(f"{where}: no way of breaking inspection makes this case fail; "
                            "declare 'forwarding: true' or 'only_box: REASON', or test more")

    def modes(self):
        """The broken modes in which this case must fail; a plain bridge for each inspection case."""
        if self.forwarding or self.only_box:
            return []
        return ["bridge"] + [m for m in MODES[1:] if self.broken[m] == "fails"]


def load(folder, root):
    """The cases of a folder: one, or one a variant."""
    path = os.path.join(folder, "case.yaml")
    name = os.path.relpath(folder, root)
    with open(path, encoding="utf-8") as src:
        try:
            data = yaml.load(src, LOADER)
        except yaml.YAMLError as err:
            raise CaseError(f"{path}: {err}") from err
    if not isinstance(data, dict):
        raise CaseError(f"{path}: a mapping is expected")
    variants = data.pop("variants", None)
    if variants is None:
        return [Case(folder, name, data)]
    return [Case(folder, f"{name}/{key}", lay_over(data, over or {})) for key, over in variants.items()]


def find_cases(root):
    """All cases of the folders below `root` that have a case.yaml, by name."""
    found = []
    for folder, _, files in os.walk(root):
        if "case.yaml" in files:
            found += load(folder, root)
    return sorted(found, key=lambda c: c.name)
