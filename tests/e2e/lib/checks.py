# SPDX-License-Identifier: Apache-2.0
"""What must have been seen: each check takes an expectation and what there is, and returns the
faults as sentences (an empty list when all is well). Nothing here runs anything.
"""

import hashlib
import json
import re


def digest_of(path):
    sha = hashlib.sha256()
    with open(path, "rb") as src:
        for chunk in iter(lambda: src.read(1 << 20), b""):
            sha.update(chunk)
    return sha.hexdigest()


def as_list(value):
    return value if isinstance(value, list) else [value]


def shorten(text, limit=300):
    return text if len(text) <= limit else text[:limit] + f"… ({len(text)} characters)"


def check_text(what, path, wanted):
    """A program's output file against is, contains, absent, matches, same_as, digest_of."""
    faults = []
    if "same_as" in wanted:
        if digest_of(path) != digest_of(wanted["same_as"]):
            faults.append(f"{what} is not the same bytes as {wanted['same_as']}")
    with open(path, "rb") as src:
        text = src.read(4 << 20).decode("utf-8", "replace")
    if "digest_of" in wanted and digest_of(wanted["digest_of"]) not in text:
        faults.append(f"{what} is not the digest of {wanted['digest_of']}: {shorten(text)!r}")
    if "is" in wanted and text.strip() != str(wanted["is"]).strip():
        faults.append(f"{what} is {shorten(text)!r}, not {wanted['is']!r}")
    for part in as_list(wanted.get("contains", [])):
        if part not in text:
            faults.append(f"{what} lacks {part!r}: {shorten(text)!r}")
    for part in as_list(wanted.get("absent", [])):
        if part in text:
            faults.append(f"{what} has {part!r}, which must not be there")
    for part in as_list(wanted.get("matches", [])):
        if not re.search(part, text, re.M):
            faults.append(f"{what} does not match {part!r}: {shorten(text)!r}")
    return faults


def check_exit(what, status, wanted):
    if wanted == "any" or (wanted == "nonzero" and status != 0):
        return []
    if wanted != "nonzero" and status in as_list(wanted):
        return []
    return [f"{what} exited {status}, not {wanted}"]


def field(record, name):
    """A value by dotted name: nested objects, or a key that has the dots in it."""
    if name in record:
        return record[name]
    value = record
    for part in name.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return value


def matches(record, wanted):
    """`*`: the field is there; `~text`: a regular expression; else equal as text."""
    for name, value in wanted.items():
        got = field(record, name)
        if got is None:
            return False
        if isinstance(value, str) and value.startswith("~"):
            if not re.search(value[1:], str(got)):
                return False
        elif value != "*" and str(got) != str(value):
            return False
    return True


def count_fits(count, wanted):
    """`wanted`: a number, or text such as '>=1', '<=3', '0'."""
    match = re.fullmatch(r"(>=|<=|==)?\s*(\d+)", str(wanted))
    if not match:
        raise ValueError(f"count '{wanted}': use N, >=N or <=N")
    number = int(match.group(2))
    return {">=": count >= number, "<=": count <= number}.get(match.group(1), count == number)


def read_lines(path):
    """The JSON lines of a log; a missing file is an empty one."""
    records = []
    try:
        with open(path, encoding="utf-8", errors="replace") as src:
            for line in src:
                if line.endswith("\n"):
                    records.append(json.loads(line))
    except FileNotFoundError:
        pass
    return records


def check_records(what, records, expectations):
    faults = []
    for wanted in expectations:
        found = sum(matches(r, wanted["match"]) for r in records)
        count = wanted.get("count", ">=1")
        if not count_fits(found, count):
            seen = "; ".join(shorten(json.dumps(r), 400) for r in records[-3:]) or "nothing"
            faults.append(f"{what}: {found} lines with {wanted['match']}, not {count}; "
                          f"it has {len(records)}, at the end: {seen}")
    return faults


def check_daemon_log(path):
    """What a sanitizer or the C library said in the daemon's own output, whatever else went well."""
    alarms = r"ERROR: \w+Sanitizer|runtime error:|Assertion .* failed|stack smashing|corrupted"
    with open(path, encoding="utf-8", errors="replace") as src:
        lines = [line.strip() for line in src if re.search(alarms, line)]
    return [f"the daemon's log: {shorten(line)}" for line in lines[:5]]


def flow_names(result):
    return shorten("; ".join(f"{f['kind']} {f['from']}>{f['to']} vlan {f['vlan']} seen by "
                             f"{'+'.join(f['sides'])}" for f in result["flows"]) or "none", 600)


def check_wire(result, wanted):
    """The comparison of both ends' captures (lab/wirecmp) against what the case says of it."""
    faults = []
    if wanted.get("same_addressing") and not result["same_addressing"]:
        differing = [d for f in result["flows"] for d in f["differences"]]
        faults.append("the two sides of the wire do not show the same addressing: " +
                      (shorten("; ".join(differing), 600) or "flows: " + flow_names(result)))
    if "one_sided" in wanted and result["one_sided"] != wanted["one_sided"]:
        faults.append(f"{result['one_sided']} flows were seen on one side only, "
                      f"not {wanted['one_sided']}")
    kinds = {"terminated": result["terminated"], "untouched": result["passed_through"]}
    if "tls" in wanted:
        other = "untouched" if wanted["tls"] == "terminated" else "terminated"
        if not kinds[wanted["tls"]] or kinds[other]:
            faults.append(f"of the TLS connections {kinds['terminated']} were terminated between "
                          f"the ends and {kinds['untouched']} were untouched; all are to be "
                          f"{wanted['tls']}")
    for key, should in (("readable", True), ("not_readable", False)):
        for needle in wanted.get(key, []):
            for side, seen in result["needles"][needle].items():
                if seen != should:
                    faults.append(f"{needle!r} is {'' if seen else 'not '}readable on the "
                                  f"{side}'s wire")
    return faults
