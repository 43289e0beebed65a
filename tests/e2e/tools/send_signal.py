#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends a signal to the processes of a lab's box whose title begins with "tpsd: TITLE"; fails when
there is none.

usage: send_signal.py LAB TITLE STOP|CONT|KILL|TERM
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../lab"))

from lablib.box import cmdline  # noqa: E402
from lablib.lab import Lab  # noqa: E402


def main():
    if len(sys.argv) != 4:
        print(__doc__.rsplit("\n\n", 1)[1].strip(), file=sys.stderr)
        return 2
    lab, title, number = sys.argv[1], sys.argv[2], getattr(signal, "SIG" + sys.argv[3])
    hit = [p for p in Lab(lab).box.processes() if cmdline(p).startswith(f"tpsd: {title}")]
    for pid in hit:
        os.kill(pid, number)
        print(f"{sys.argv[3]} to {cmdline(pid)} ({pid})")
    return 0 if hit else 1


if __name__ == "__main__":
    sys.exit(main())
