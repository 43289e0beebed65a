# SPDX-License-Identifier: Apache-2.0
"""What the literature says can be wrong with a certificate or its chain, a server each, and for most
a twin with which nothing is wrong. All are on one address and told apart by SNI, KEY.fault.test. The table is
also what the end-to-end tests expect: `fault` is the name of lib/pki/fault.def, "" for a good one.
"""

import base64
import dataclasses

from .pki import CA_USAGE, IDENTIFIERS, SERVER_USAGE, SUBJECT_ID, leaf_extensions

ADDRESS = "10.10.0.200"


@dataclasses.dataclass(frozen=True)
class Row:
    """`issuer`: who signs, one of ISSUERS, the lab's intermediate or None (itself). `names` are in
    the certificate, KEY.fault.test by default; `extensions` are in place of a server's usual ones.
    `chain`: what is sent behind it. `spoil`: its signature is made wrong. `bare`: a common name alone.
    `revoked`: its issuer's list has it. `staple`: a signed OCSP response is sent along, made after that."""
    key: str
    fault: str = ""
    host: str = ""
    names: tuple = ()
    kind: str = "ec"
    issuer: str = "intermediate"
    chain: tuple = ("chain",)
    days: tuple = (-30, 90)
    digest: str = "sha256"
    extensions: str = ""
    spoil: bool = False
    bare: bool = False
    revoked: bool = False
    staple: bool = False

    @property
    def name(self):
        return self.host or f"{self.key}.fault.test"


# CAs of their own: (name, key, issuer, extensions, days). `fault-old-root` is one that is trusted.
ISSUERS = [
    ("fault-old-root", "ec", None, CA_USAGE, (-90, -2)),
    ("fault-unknown", "ec", None, CA_USAGE, (-30, 365)),
    ("fault-old", "ec", "ca", CA_USAGE, (-90, -2)),
    ("fault-no-ca", "ec", "ca", "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\n",
     (-30, 365)),
    ("fault-short", "ec", "ca", CA_USAGE.replace("TRUE", "TRUE,pathlen:0"), (-30, 365)),
    ("fault-below-short", "ec", "fault-short", CA_USAGE, (-30, 365)),
    ("fault-long", "ec", "ca", CA_USAGE.replace("TRUE", "TRUE,pathlen:1"), (-30, 365)),
    ("fault-below-long", "ec", "fault-long", CA_USAGE, (-30, 365)),
    ("fault-limited", "ec", "ca", CA_USAGE + "nameConstraints=critical,permitted;DNS:allowed.test\n",
     (-30, 365)),
    ("fault-excluding", "ec", "ca",
     CA_USAGE + "nameConstraints=critical,excluded;DNS:excluded.fault.test\n", (-30, 365)),
    ("fault-rsa", "rsa", "ca", CA_USAGE, (-30, 365)),
    ("fault-clients", "ec", "ca", CA_USAGE + "extendedKeyUsage=clientAuth\n", (-30, 365)),
    ("fault-v1", "ec", "ca", "", (-30, 365)),
    ("fault-listing", "ec", "ca", CA_USAGE, (-30, 365)),
    ("fault-stapling", "ec", "ca", CA_USAGE, (-30, 365)),
]
LISTING = "fault-listing"  # whose list, LISTING.crl.pem, a trust store may have


def _der_name(name):
    """subjectAltName with one dNSName, byte for byte."""
    inner = b"\x82" + bytes([len(name)]) + name
    return "subjectAltName=DER:" + (b"\x30" + bytes([len(inner)]) + inner).hex(":") + "\n"


def _many(first, count):
    return (first, *(f"n{n}.fault.test" for n in range(1, count)))


def _below(issuer, *above):
    return {"issuer": issuer, "chain": (issuer, *above)}


ROWS = [
    Row("good"),
    Row("self-signed", "self_signed", issuer=None, chain=()),
    Row("unknown-issuer", "unknown_issuer", issuer="fault-unknown", chain=()),
    Row("untrusted-root", "untrusted_root", **_below("fault-unknown")),
    Row("missing-intermediate", "unknown_issuer", chain=()),
    Row("reversed-chain", issuer="fault-below-long", chain=("ca", "fault-long", "fault-below-long")),
    Row("more-than-needed", chain=("chain", "fault-unknown", "ca")),
    Row("expired-leaf", "expired", days=(-60, -2)),
    Row("expired-intermediate", "expired", **_below("fault-old")),
    Row("expired-root", "expired", issuer="fault-old-root", chain=()),
    Row("future-leaf", "not_yet_valid", days=(2, 90)),
    Row("wrong-name", "name_mismatch", names=("other.fault.test",)),
    # Clients that take a common name alone are few; the forged one has no more (docs/internals/client.md).
    Row("no-names", bare=True, extensions="basicConstraints=CA:FALSE\n" + SERVER_USAGE),
    Row("wildcard", names=("*.fault.test",)),
    Row("wildcard-two-labels", "name_mismatch", host="a.b.fault.test", names=("*.fault.test",)),
    Row("wildcard-partial", "name_mismatch", names=("wildcard*.fault.test",)),
    Row("wildcard-middle", "name_mismatch", names=("wildcard-middle.*.test",)),
    Row("wildcard-of-all", "name_mismatch", host="wildcard.test", names=("*.test",)),
    Row("nul-in-name", "~name_mismatch|malformed", extensions="basicConstraints=CA:FALSE\n" +
        SERVER_USAGE + _der_name(b"nul-in-name.fault.test\0.evil.test")),
    Row("bad-signature", "bad_signature", spoil=True),
    Row("issuer-no-ca", "not_a_ca", **_below("fault-no-ca")),
    Row("issuer-v1", "not_a_ca", **_below("fault-v1")),
    Row("path-length", "path_length", **_below("fault-below-short", "fault-short")),
    Row("path-length-kept", **_below("fault-below-long", "fault-long")),
    Row("not-permitted", "name_constraints", **_below("fault-limited")),
    Row("permitted", host="allowed.test", names=("allowed.test",), **_below("fault-limited")),
    Row("excluded", "name_constraints", **_below("fault-excluding")),
    Row("not-excluded", **_below("fault-excluding")),
    Row("unknown-critical", "unknown_critical", extensions="1.3.6.1.4.1.55555.1=critical,DER:0500\n"),
    Row("unknown-not-critical", extensions="1.3.6.1.4.1.55555.1=DER:0500\n"),
    Row("for-clients", "purpose", extensions="extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n"),
    Row("issuer-for-clients", "purpose", **_below("fault-clients")),
    Row("no-signatures", "purpose", extensions="extendedKeyUsage=serverAuth\n"
        "keyUsage=critical,cRLSign\nbasicConstraints=CA:FALSE\n"),
    Row("md5", "weak_digest", kind="rsa", digest="md5", **_below("fault-rsa")),
    Row("sha1", "weak_digest", digest="sha1"),
    Row("sha384", digest="sha384"),
    Row("rsa512", "weak_key", kind="rsa512"),
    Row("rsa1024", "weak_key", kind="rsa1024"),
    Row("rsa2048", kind="rsa"),
    # 64 KiB of names can be forged.
    Row("too-many-names", "too_large", names=_many("too-many-names.fault.test", 4000)),
    Row("revoked-by-list", "revoked", revoked=True, **_below(LISTING)),
    Row("not-on-the-list", **_below(LISTING)),
    Row("revoked-by-staple", "revoked", revoked=True, staple=True, **_below("fault-stapling")),
    Row("good-by-staple", staple=True, **_below("fault-stapling")),
    Row("a-book-of-names", "too_large", names=_many("a-book-of-names.fault.test", 10000)),
]


def ensure(pki):
    """Makes every certificate, once."""
    pki.ensure()
    pki.once("complete-faults", lambda: _make(pki))


def _make(pki):
    for name, kind, issuer, extensions, days in ISSUERS:
        identifiers = IDENTIFIERS if issuer else SUBJECT_ID
        # Without any extension it is an X.509 certificate of version 1.
        pki.issue(name, kind, f"/CN={name}", issuer, extensions and extensions + identifiers, days)
    for row in ROWS:
        file = "fault-row-" + row.key
        pki.issue(file, row.kind, f"/CN={row.name[:60]}", row.issuer, _extensions(row), row.days,
                  row.digest)
        if row.spoil:
            spoil(pki.path(file + ".pem"))
        pki.join(file, row.chain)
    pki.revoke(["fault-row-" + row.key for row in ROWS if row.revoked and row.issuer == LISTING],
               LISTING, LISTING)
    for row in ROWS:
        if row.staple:
            pki.staple("fault-row-" + row.key, row.issuer, row.revoked)


def _extensions(row):
    text = row.extensions
    if "basicConstraints" not in text:
        text += leaf_extensions(row.names or (row.name,))
    elif "subjectAltName" not in text and not row.bare:
        text += f"subjectAltName=DNS:{row.name}\n"
    # An issuer of version 1 has no key identifier to point to.
    return text + (SUBJECT_ID if row.issuer in (None, "fault-v1") else IDENTIFIERS)


def spoil(path):
    """Turns over a bit of a certificate's signature: the last of its bytes."""
    with open(path, encoding="ascii") as src:
        lines = src.read().splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[-1] ^= 1
    text = base64.encodebytes(bytes(der)).decode("ascii")
    with open(path, "w", encoding="ascii") as out:
        out.write(f"{lines[0]}\n{text}{lines[-1]}\n")


def nginx_servers():
    """A server block for each, in the language of lab/hosts; the first one is the default."""
    blocks = []
    for row in ROWS:
        file = "@PKI@/fault-row-" + row.key
        staple = f"\tssl_stapling on;\n\tssl_stapling_file {file}.ocsp.der;\n" if row.staple else ""
        blocks.append(f"server {{\n\tlisten {ADDRESS}:443 ssl;\n\tserver_name {row.name};\n"
                      f"\tssl_certificate {file}.fullchain.pem;\n\tssl_certificate_key {file}.key;\n"
                      f"{staple}\tinclude @ROOT@/site.conf;\n}}\n")
    return "\n".join(blocks)
