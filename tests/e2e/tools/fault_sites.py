# SPDX-License-Identifier: Apache-2.0
"""Asks every site of lab/lablib/faults.py for its certificate through the box, and judges each by what
the client saw and by what the box wrote down. One line for each that is not as it must be.

usage: fault_sites.py --trust CA.pem --log ssl_inspection.json refused|untrusted

A good site is signed by the CA that the client trusts. A bad one is refused, or signed by the
untrusted CA; either way its fault is in the log.
"""

import argparse
import json
import os
import re
import socket
import ssl
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from lablib import faults  # noqa: E402

UNTRUSTED = b"Untrusted Server CA"
PATIENCE_S = 8


def ask(name, context):
    """(the certificate shown, what went wrong)."""
    try:
        with socket.create_connection((faults.ADDRESS, 443), PATIENCE_S) as raw:
            with context.wrap_socket(raw, server_hostname=name) as conn:
                conn.sendall(f"GET /whoami HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while part := conn.recv(65536):
                    answer += part
                shown = conn.getpeercert(True)
    except OSError as err:
        return None, f"{type(err).__name__}: {err}"
    return shown, "" if answer.startswith(b"HTTP/1.1 200 ") else "no answer"


def seen_faults(row, way, careful, careless):
    shown, error = ask(row.name, careful)
    if not row.fault:
        return [f"a client that trusts the company does not take it: {error}"] if error else []
    out = [] if error else ["a client that trusts the company took it"]
    shown, error = ask(row.name, careless)
    if way == "refused":
        return out + ([] if error else ["a careless client got through"])
    if error:
        out.append(f"a careless client did not get through: {error}")
    elif UNTRUSTED not in shown:
        out.append("the untrusted CA did not sign it")
    return out


def read_log(path):
    """Of each name the chain's verdicts in the log; without one the reason. There may be no log."""
    found = {}
    if not os.path.exists(path):
        return found
    with open(path, encoding="utf-8") as src:
        for line in src:
            event = json.loads(line) if line.endswith("\n") else {}
            tls = event.get("tls", {})
            said = tls.get("server", {}).get("chain") or event.get("reason")
            found.setdefault(tls.get("sni"), set()).add(said)
    return found


def logged_faults(row, found):
    wanted = row.fault.lstrip("~") or "none"
    said = found.get(row.name, set())
    if said and all(re.fullmatch(wanted, one) for one in said):
        return []
    return [f"the log says {', '.join(sorted(said)) or 'nothing'}, not {wanted}"]


def contexts(row, trust):
    """Of a client that trusts the company, and of one that trusts all."""
    careful = ssl.create_default_context(cafile=trust)
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    if row.kind == "rsa512":  # such a key is too short for a signature of TLS 1.3
        careful.maximum_version = careless.maximum_version = ssl.TLSVersion.TLSv1_2
    return careful, careless


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trust", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("way", choices=["refused", "untrusted"])
    args = parser.parse_args()
    wrong = {row.key: seen_faults(row, args.way, *contexts(row, args.trust)) for row in faults.ROWS}
    time.sleep(1)  # what is written down is on its way
    found = read_log(args.log)
    for row in faults.ROWS:
        wrong[row.key] += logged_faults(row, found)
    lines = [f"{key}: {text}" for key, texts in wrong.items() for text in texts]
    print("\n".join(lines) or f"{len(wrong)} sites as they must be")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
