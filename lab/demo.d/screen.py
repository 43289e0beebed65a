# SPDX-License-Identifier: Apache-2.0
"""What the demo says: a line as each thing is seen, and the table at the end. Colour on a terminal
only. All of it is kept for the report (report.py), with what each command printed."""

import os
import sys
import time

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
CODES = {"green": "32", "red": "31", "blue": "36", "dim": "2", "bold": "1"}


def paint(text, colour):
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if COLOUR else text


class Screen:
    """Collects what was claimed and what was seen; the demo succeeds when all claims were so."""

    def __init__(self):
        self.rows = []  # (act, claim, seen, so)
        self.entries = []  # (kind, what belongs to it ...), as they came
        self.act_name = ""
        self.began = time.monotonic()

    def act(self, name, about):
        self.act_name = name
        self.entries.append(("act", name, about))
        print(f"\n{paint(name, 'bold')}  {paint(about, 'dim')}", flush=True)

    def note(self, text):
        self.entries.append(("note", text))
        print(f"    {paint(text, 'dim')}", flush=True)

    def command(self, text, output="", quiet=False):
        """A command as a user would type it, and what it printed, which is for the report alone;
        so is a quiet command."""
        self.entries.append(("command", text, output))
        if not quiet:
            print(f"  {paint('$ ' + text, 'blue')}", flush=True)

    def claim(self, claim, so, seen):
        """One thing that must be so, and what was seen of it."""
        mark = paint("ok", "green") if so else paint("NO", "red")
        print(f"  {mark}  {claim}: {clip(seen, 100)}", flush=True)
        self.rows.append((self.act_name, claim, seen, bool(so)))
        self.entries.append(("claim", claim, seen, bool(so)))
        return so

    def picture(self, caption, data):
        """A PNG, for the report alone."""
        self.entries.append(("picture", caption, data))

    def columns(self, head, rows):
        """A table of what was found, each row of it a claim: (cells, whether it is so)."""
        self.entries.append(("table", head, rows))
        widths = [max(len(line[i]) for line in [head, *(cells for cells, _ in rows)])
                  for i in range(len(head))]

        def line(cells):
            return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths))
        print("      " + paint(line(head), "bold"))
        for cells, so in rows:
            mark = paint("ok", "green") if so else paint("NO", "red")
            print(f"  {mark}  {line(cells)}", flush=True)
            self.rows.append((self.act_name, cells[0], ", ".join(cells[1:]), bool(so)))

    def all_so(self):
        return bool(self.rows) and all(row[3] for row in self.rows)

    def summary(self):
        took = time.monotonic() - self.began
        count = sum(row[3] for row in self.rows)
        return f"{count} of {len(self.rows)} as promised, in {took:.0f} seconds"

    def table(self):
        widths = [max(len(clip(row[i], w)) for row in self.rows) for i, w in ((1, 46), (2, 60))]
        print("\n" + paint(f"{'what':{widths[0]}}  {'what the ends saw':{widths[1]}}  so", "bold"))
        last = ""
        for act, claim, seen, so in self.rows:
            if act != last:
                print(paint(act, "dim"))
                last = act
            mark = paint("yes", "green") if so else paint("NO", "red")
            print(f"{clip(claim, 46):{widths[0]}}  {clip(seen, 60):{widths[1]}}  {mark}")
        print(paint(self.summary(), "green" if self.all_so() else "red"))


def clip(text, width):
    text = " ".join(str(text).split())
    return text if len(text) <= width else text[:width - 1] + "…"
