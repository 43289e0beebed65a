# SPDX-License-Identifier: Apache-2.0
"""The report's picture: a panel a case, a bar a peer with its spread, as SVG and PNG."""

import os

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

COLOURS = {"direct": "#b8b8b8", "bridge": "#8c8c8c", "nginx": "#4c9f70", "haproxy": "#5b84b1",
           "sslsplit": "#c08552", "squid": "#8e6bb0", "mitmproxy": "#d4a017", "sluice": "#c0392b"}
COLUMNS = 4


def panels(doc):
    """[(title, [(peer, median, least, greatest)])], one for each case, reuse and unit."""
    keys = dict.fromkeys((r["case"], r["reuse"], r["unit"]) for r in doc["results"])
    for key in keys:
        bars = [(r["peer"], r["median"], min(r["samples"]), max(r["samples"]))
                for r in doc["results"]
                if (r["case"], r["reuse"], r["unit"]) == key and r["samples"]]
        case, reuse, unit = key
        if bars:
            yield f"{case}{', reuse off' if reuse == 'off' else ''}\n{unit}", bars


def draw_panel(axes, title, bars):
    names = [b[0] for b in bars]
    heights = [b[1] for b in bars]
    spread = [[b[1] - b[2] for b in bars], [b[3] - b[1] for b in bars]]
    axes.bar(names, heights, yerr=spread, capsize=3, color=[COLOURS[n] for n in names])
    axes.set_title(title, fontsize=9)
    axes.tick_params(axis="x", labelrotation=40, labelsize=8)
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def draw(folder, doc):
    found = list(panels(doc))
    if not found:
        return
    rows = (len(found) + COLUMNS - 1) // COLUMNS
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=(3.2 * COLUMNS, 2.9 * rows),
                                   squeeze=False)
    cells = list(grid.flat)
    for axes, (title, bars) in zip(cells, found):
        draw_panel(axes, title, bars)
    for axes in cells[len(found):]:
        axes.set_axis_off()
    host = doc["host"]
    figure.suptitle(f"make bench: {doc['rounds']} round(s), {host['cpu']}, {host['cores']} cores, "
                    f"Linux {host['kernel']}; bars are medians", fontsize=10)
    figure.tight_layout()
    for kind in ("svg", "png"):
        figure.savefig(os.path.join(folder, f"latest.{kind}"), dpi=110)
    pyplot.close(figure)
