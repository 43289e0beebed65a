# SPDX-License-Identifier: Apache-2.0
"""Looks at the certificate that a server shows through the box as a strict client does, and beside
the server's own. One line for each thing that is not as it must be; exit status 1 when there is one.

usage: forged.py --original CERT.pem --issuer CERT.pem [--kind rsa|ec] [--untrusted] ADDRESS NAME [-- S_CLIENT OPTIONS]

NAME "" sends no SNI. With --untrusted any issuer whose name is "Untrusted Server CA" will do, and
it must not be the one given.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.S)
UNTRUSTED = "CN = Untrusted Server CA"


def openssl(*argv, text=None):
    return subprocess.run(["openssl", *argv], input=text, capture_output=True, text=True, check=False)


def shown_chain(args):
    sni = ["-servername", args.name] if args.name else ["-noservername"]
    done = openssl("s_client", "-connect", args.address + ":443", *sni, "-showcerts", *args.options,
                   text="")
    found = PEM.findall(done.stdout)
    if not found:
        sys.exit("no certificate was shown: " + done.stderr.strip())
    return found


def show(certificate, *what):
    return openssl("x509", "-noout", *what, text=certificate).stdout.strip()


def names(certificate):
    return sorted(show(certificate, "-ext", "subjectAltName").replace(", ", "\n").splitlines())


def moment(certificate, which):
    text = show(certificate, which).partition("=")[2]
    return time.mktime(time.strptime(text, "%b %d %H:%M:%S %Y %Z"))


def key_id(certificate, extension):
    found = re.search(r"((?:[0-9A-F]{2}:){15,}[0-9A-F]{2})", show(certificate, "-ext", extension))
    return found.group(1) if found else ""


def strict_faults(args, chain):
    """What a verifier that keeps to the letter says; a name is only checked where one is asked for."""
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/leaf.pem", "w", encoding="ascii") as out:
            out.write(chain[0])
        argv = ["verify", "-x509_strict", "-purpose", "sslserver", "-auth_level", "2", "-CAfile",
                args.issuer, "-no-CApath", "-no-CAstore"]
        if args.name:
            argv += ["-verify_hostname", args.name]
        done = openssl(*argv, folder + "/leaf.pem")
    return [] if done.returncode == 0 else [(done.stdout + done.stderr).strip()]


def same_faults(leaf, original, issuer):
    """The forged one has the original's names and dates within its own and its issuer's."""
    faults = []
    for what in ("-subject",):
        if show(leaf, what) != show(original, what):
            faults.append(f"it is {show(leaf, what)}, the original {show(original, what)}")
    if names(leaf) != names(original):
        faults.append(f"its names are {names(leaf)[:5]}…, the original's {names(original)[:5]}…")
    for end, sign in (("-startdate", 1), ("-enddate", -1)):
        limit = max(sign * moment(c, end) for c in (original, issuer))
        if sign * moment(leaf, end) < limit:
            faults.append(f"{show(leaf, end)} is beyond the original's or its issuer's")
    if show(leaf, "-serial") == show(original, "-serial"):
        faults.append("it has the original's serial number")
    return faults


def form_faults(leaf, kind):
    text = show(leaf, "-text")
    faults = [f"it has {word}" for word in ("CT Precertificate", "CRL Distribution", "OCSP - URI",
                                            "TLS Feature", "CA:TRUE") if word in text]
    wanted = {"Version: 3": "not version 3", "TLS Web Server Authentication": "not for servers",
              "Digital Signature": "its key may not sign"}
    wanted.update({"rsa": {"rsaEncryption": "no RSA key"},
                   "ec": {"prime256v1": "no P-256 key"}}.get(kind, {}))
    faults += [why for word, why in wanted.items() if word not in text]
    serial = show(leaf, "-serial").partition("=")[2]
    if len(serial) < 16:
        faults.append(f"its serial {serial} has fewer than 64 bits")
    if not key_id(leaf, "subjectKeyIdentifier"):
        faults.append("no subject key identifier")
    return faults


def issuer_faults(args, leaf, issuer):
    if args.untrusted:
        said = show(leaf, "-issuer").partition("issuer=")[2]
        return [] if said == UNTRUSTED else [f"its issuer is {said}, not {UNTRUSTED}"]
    faults = []
    if key_id(leaf, "authorityKeyIdentifier") != key_id(issuer, "subjectKeyIdentifier"):
        faults.append("its authority key identifier is not its issuer's")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--original", required=True)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--kind", choices=["rsa", "ec"], default="")
    parser.add_argument("--untrusted", action="store_true")
    parser.add_argument("address")
    parser.add_argument("name")
    parser.add_argument("options", nargs="*")
    args = parser.parse_args()
    chain = shown_chain(args)
    with open(args.original, encoding="ascii") as src:
        original = PEM.search(src.read()).group(0)
    with open(args.issuer, encoding="ascii") as src:
        issuer = PEM.search(src.read()).group(0)
    strict = strict_faults(args, chain)
    faults = issuer_faults(args, chain[0], issuer) + form_faults(chain[0], args.kind) + \
        same_faults(chain[0], original, original if args.untrusted else issuer)
    if args.untrusted:
        faults += [] if strict else ["it verifies by the CA that clients trust"]
    else:
        faults += strict
    print("\n".join(faults) or f"as it must be: {show(chain[0], '-issuer')}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
