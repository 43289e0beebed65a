# SPDX-License-Identifier: Apache-2.0
"""The audit log as it lies in the database, held to what was answered: a change that was done has its
row by whoever did it and from where, and no row has a secret."""

# Operations that change nothing that anybody sees: an upload is something once it is a file.
LOOKS = {"upload_begin", "upload_add", "upload_drop", "distribution_preview"}

written = set()  # operations whose row was found, of all cases together

# First words of paths of which every change is made by some case.
COVERED = ("me", "login", "logout", "people", "roles", "groups")


def rows(smsd, after):
    """Those behind an id: [(id, who, address, action, before and after)]."""
    return smsd.database.rows(
        "SELECT id, who, address, action, coalesce(before, '') || coalesce(after, '')"
        " FROM audit WHERE id > ? ORDER BY id", (after,))


def newest(smsd):
    return smsd.database.rows("SELECT coalesce(max(id), 0) FROM audit")[0][0]


def faults(smsd, before, operation, source):
    """What is wrong with the rows that came since `before`, after a change that was done."""
    came = [row for row in rows(smsd, before) if row[2] == source]
    said = [f"the audit log has a secret: {row[3]}" for row in came
            if any(secret in row[4] for secret in smsd.secrets)]
    if any(row[1] for row in came):
        written.add(operation)
    else:
        said.append("nothing in the audit log says who did it")
    return said


def looks_only(operation, path, body, answer):
    """A check, a change that changes nothing, a certificate without its key."""
    if operation in LOOKS:
        return True
    if operation.endswith("_export"):
        return (body or {}).get("format") != "pkcs12"
    return "check=true" in path or (answer.json or {}).get("diff") == []


def unwritten(routes):
    """Operations that change something and of which no case has seen the row."""
    changes = {op["operationId"] for method, path, op in routes
               if method != "GET" and path.split("/")[3] in COVERED}
    return sorted(changes - written)
