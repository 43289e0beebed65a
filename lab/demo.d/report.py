# SPDX-License-Identifier: Apache-2.0
"""The demo's report: what the screen said, with what each command printed and the pictures, as one
HTML file that needs nothing else."""

import base64
import html

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
h2 { margin: 2.2rem 0 .2rem } .about, .note, figcaption { color: #666 }
pre, code { font: 13px/1.4 ui-monospace, monospace } summary code { color: #0b5c8a }
pre { background: #f4f4f2; padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
table { border-collapse: collapse; margin: .6rem 0; width: 100% }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
.yes { color: #17722f } .no { color: #b3261e; font-weight: bold } .claim { margin: .25rem 0 }
img { max-width: 100%; border: 1px solid #ccc } details { margin: .35rem 0 }
"""


def mark(so):
    return '<span class="yes">yes</span>' if so else '<span class="no">NO</span>'


def _act(name, about):
    return f'<h2>{html.escape(name)}</h2><p class="about">{html.escape(about)}</p>'


def _note(text):
    return f'<p class="note">{html.escape(text)}</p>'


def _command(text, output):
    line = f"<code>$ {html.escape(text)}</code>"
    if not output.strip():
        return f"<p>{line}</p>"
    return f"<details><summary>{line}</summary><pre>{html.escape(output.strip())}</pre></details>"


def _claim(claim, seen, so):
    return f'<p class="claim">{mark(so)} <b>{html.escape(claim)}</b>: {html.escape(" ".join(str(seen).split()))}</p>'


def _table(head, rows):
    lines = ["".join(f"<th>{html.escape(h)}</th>" for h in [*head, "as promised"])]
    lines += ["".join(f"<td>{html.escape(c)}</td>" for c in cells) + f"<td>{mark(so)}</td>"
              for cells, so in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _picture(caption, data):
    coded = base64.b64encode(data).decode("ascii")
    return (f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{coded}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>")


KINDS = {"act": _act, "note": _note, "command": _command, "claim": _claim, "table": _table,
         "picture": _picture}


def text_of(screen):
    body = "\n".join(KINDS[kind](*parts) for kind, *parts in screen.entries)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sluice: the demo</title>'
            f"<style>{STYLE}</style><h1>Sluice: the demo</h1>"
            f"<p>{html.escape(screen.summary())}. Each command below opens to what it printed.</p>"
            f"{body}</html>\n")


def write(screen, path):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text_of(screen))
