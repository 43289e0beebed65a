# SPDX-License-Identifier: Apache-2.0
"""The box's configuration for a case: a template of tests/e2e/boxes (or of the case's folder),
filled in, the case's own settings laid over it, and broken on purpose when that is asked.
"""

import os
import re

import yaml

from .case import LOADER, CaseError, lay_over


def fill(value, names):
    """@NAME@ in every string of a document."""
    if isinstance(value, dict):
        return {k: fill(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    if not isinstance(value, str):
        return value

    def known(match):
        if match.group(1) not in names:
            raise CaseError(f"'{value}': there is no @{match.group(1)}@ "
                            f"(known: {', '.join(sorted(names))})")
        return str(names[match.group(1)])
    return re.sub(r"@([A-Z_0-9]+)@", known, value)


def template_path(case, e2e_root):
    for place in (os.path.join(case.folder, case.box + ".yaml"),
                  os.path.join(e2e_root, "boxes", case.box + ".yaml")):
        if os.path.exists(place):
            return place
    raise CaseError(f"{case.file}: no box '{case.box}' in its folder or in tests/e2e/boxes")


def write_box(case, e2e_root, folder, names, mode):
    """Writes tpsd.yaml and filter.rules into `folder`; returns the configuration's path."""
    logs = names["LOGS"]
    os.makedirs(logs, exist_ok=True)
    os.chmod(logs, 0o1777)  # the daemon's processes write there under their own users
    with open(names["RULES"], "w", encoding="utf-8") as out:
        out.write("# no rule\n" if mode == "empty_rules" else fill(case.rules, names))
    with open(template_path(case, e2e_root), encoding="utf-8") as src:
        document = yaml.load(src, LOADER)
    document = fill(lay_over(document, case.box_settings), names)
    if mode == "divert_off":
        document["ssl_inspection"] = {"server": False}
    path = os.path.join(folder, "tpsd.yaml")
    with open(path, "w", encoding="utf-8") as out:
        yaml.safe_dump(document, out, sort_keys=False)
    return path
