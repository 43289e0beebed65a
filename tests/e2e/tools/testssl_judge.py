# SPDX-License-Identifier: Apache-2.0
"""Judges what testssl.sh found: nothing above its grade OK, but for findings named as known, and
the protocols exactly those expected. Tests that it could not make are listed, not passed over.

usage: testssl_judge.py FILE [--offered ID,ID] [--known ID,ID]
"""

import argparse
import json
import sys

PROTOCOLS = ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3")
FINE = ("OK", "INFO")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--offered", default="TLS1_2,TLS1_3")
    parser.add_argument("--known", default="")
    args = parser.parse_args()
    with open(args.file, encoding="utf-8") as src:
        findings = {f["id"]: f for f in json.load(src)}
    faults = []
    for name in PROTOCOLS:
        said = findings.get(name, {}).get("finding", "not tested")
        offered = said.startswith("offered")
        if said == "not tested" or offered != (name in args.offered.split(",")):
            faults.append(f"protocol {name}: {said}")
    for name, finding in sorted(findings.items()):
        if finding["severity"] == "WARN":
            print(f"not tested: {name}: {finding['finding']}")
        elif finding["severity"] not in FINE and name not in args.known.split(","):
            faults.append(f"{name}: {finding['severity']}: {finding['finding']}")
    for fault in faults:
        print(fault)
    print(f"{len(findings)} findings, {len(faults)} worse than configured")
    return 1 if faults or len(findings) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
