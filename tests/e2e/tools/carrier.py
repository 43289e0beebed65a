#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whether eth0 of this host has a carrier, which its other end decides: waits until it is so, or
looks that it stays so.

usage: carrier.py up|down (--within S | --stays S)
"""

import argparse
import json
import subprocess
import time


def state():
    out = subprocess.run(["ip", "-j", "link", "show", "eth0"], check=True, capture_output=True,
                         text=True, stdin=subprocess.DEVNULL).stdout
    return "up" if "LOWER_UP" in json.loads(out)[0]["flags"] else "down"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", choices=["up", "down"])
    parser.add_argument("--within", type=float)
    parser.add_argument("--stays", type=float)
    args = parser.parse_args()
    begun = time.monotonic()
    while True:
        now, passed = state(), time.monotonic() - begun
        if args.stays is None and now == args.wanted:
            print(f"the carrier is {now} after {passed:.1f} s")
            return 0
        if args.stays is not None and now != args.wanted:
            print(f"the carrier went {now} after {passed:.1f} s")
            return 1
        if passed > (args.within if args.stays is None else args.stays):
            print(f"the carrier is {now}")
            return 0 if args.stays is not None else 1
        time.sleep(0.05)


if __name__ == "__main__":
    raise SystemExit(main())
