# SPDX-License-Identifier: Apache-2.0
"""The lab's certificate authority: a root (RSA), an intermediate (P-256) and one certificate for
each case a server can show. Made once a lab by openssl; every key here is for the lab alone.

In the folder: ca.pem (what clients trust), chain.pem (the intermediate), and for each name below
NAME.pem (the leaf), NAME.key and NAME.fullchain.pem (leaf and intermediate, for servers). The
small internet (internet.py) and the certificate faults (faults.py) add theirs by `issue`.
"""

import datetime
import os

from .proc import run

# name: key kind, names in it, days of validity (negative: it ended that long ago)
LEAVES = {
    "shop": ("rsa", ["shop.test", "www.shop.test"], 90),
    "shop-ec": ("ec", ["shop.test", "www.shop.test"], 90),
    "blog": ("ec", ["blog.test"], 90),
    "mail": ("rsa", ["mail.test"], 90),
    "wild": ("ec", ["*.wild.test"], 90),
    "expired": ("ec", ["expired.test"], -2),
}

KEYS = {"rsa": ["rsa:2048"], "rsa1024": ["rsa:1024"], "rsa512": ["rsa:512"],
        "ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]}
SERVER_USAGE = "extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature,keyEncipherment\n"
CA_USAGE = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
SUBJECT_ID = "subjectKeyIdentifier=hash\n"
IDENTIFIERS = SUBJECT_ID + "authorityKeyIdentifier=keyid\n"

CA_CONFIG = """
[ca]
default_ca = lab
[lab]
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
default_crl_days = 30
[any]
commonName = optional
organizationName = optional
"""


def _write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def _when(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


def leaf_extensions(names, critical=False):
    """Of an ordinary server: names are "shop.test", or "IP:10.10.0.46"."""
    san = ",".join(n if ":" in n else "DNS:" + n for n in names)
    return (f"basicConstraints=CA:FALSE\nsubjectAltName={'critical,' if critical else ''}{san}\n" +
            SERVER_USAGE)


class Pki:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def ensure(self):
        """Makes everything that is not there; costs nothing the second time."""
        self.once("complete", self._make)

    def once(self, mark, make):
        """Calls `make`, unless it was done for this folder already."""
        if os.path.exists(self.path(mark)):
            return
        make()
        _write(self.path(mark), "")

    def _make(self):
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        _write(self.path("ca.cnf"), CA_CONFIG.format(folder=self.folder))
        _write(self.path("index.txt"), "")
        _write(self.path("serial"), os.urandom(8).hex() + "\n")
        _write(self.path("crlnumber"), "01\n")
        self.root("ca", "Lab Root CA")
        self.issue("intermediate", "ec", "/CN=Lab Intermediate CA", "ca",
                   "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign,cRLSign\n" +
                   IDENTIFIERS, (-30, 365))
        os.replace(self.path("intermediate.pem"), self.path("chain.pem"))
        # The intermediate is `chain.pem` to servers and `intermediate.pem` to the signer.
        os.symlink("chain.pem", self.path("intermediate.pem"))
        for name, (kind, names, days) in LEAVES.items():
            self.issue(name, kind, f"/CN={names[0]}", "intermediate",
                       leaf_extensions(names) + IDENTIFIERS,
                       (-30, days) if days > 0 else (-60, days))
            self.join(name, ["chain"])

    def root(self, name, common_name, kind="rsa", days=(-30, 3650), digest="sha256"):
        """A self-signed CA: NAME.pem, NAME.key."""
        self.issue(name, kind, f"/CN={common_name}", None, CA_USAGE + SUBJECT_ID,
                   days, digest)

    def issue(self, name, kind, subject, issuer, extensions, days=(-30, 90), digest="sha256"):
        """A new key and a certificate for it: NAME.key, NAME.pem. `days`: its validity, from and to
        in days from now. `issuer`: the name of one made before; None: it signs itself."""
        key, request = self.path(name + ".key"), self.path(name + ".csr")
        run("openssl", "req", "-new", "-newkey", *KEYS[kind], "-nodes", "-keyout", key, "-subj",
            subject, "-out", request)
        os.chmod(key, 0o600)
        self.sign(name, issuer, extensions, days, digest)

    def sign(self, name, issuer, extensions, days=(-30, 90), digest="sha256"):
        """The certificate alone, for the request NAME.csr that is there."""
        _write(self.path(name + ".ext"), extensions)
        signer = ["-cert", self.path(f"{issuer}.pem")] if issuer else ["-selfsign"]
        run("openssl", "ca", "-batch", "-notext", "-config", self.path("ca.cnf"), "-in",
            self.path(name + ".csr"), *signer, "-keyfile", self.path(f"{issuer or name}.key"),
            "-extfile", self.path(name + ".ext"), "-md", digest, "-startdate", _when(days[0]),
            "-enddate", _when(days[1]), "-out", self.path(name + ".pem"))

    def join(self, name, others):
        """NAME.fullchain.pem: the certificate NAME and the others behind it."""
        text = ""
        for part in (name, *others):
            with open(self.path(part + ".pem"), encoding="ascii") as src:
                text += src.read()
        _write(self.path(name + ".fullchain.pem"), text)

    def revoke(self, names, issuer, name):
        """NAME.crl.pem: the issuer's list, on which these certificates are."""
        for revoked in names:
            run(*self._as(issuer), "-revoke", self.path(revoked + ".pem"))
        run(*self._as(issuer), "-gencrl", "-crldays", "30", "-out", self.path(name + ".crl.pem"))

    def staple(self, name, issuer, revoked):
        """NAME.ocsp.der: what the issuer's OCSP responder would say of it for the next thirty days."""
        if revoked:
            run(*self._as(issuer), "-revoke", self.path(name + ".pem"))
        signer = self.path(issuer + ".pem")
        run("openssl", "ocsp", "-index", self.path("index.txt"), "-CA", signer, "-rsigner", signer, "-rkey",
            self.path(issuer + ".key"), "-issuer", signer, "-cert", self.path(name + ".pem"), "-ndays", "30",
            "-no_nonce", "-respout", self.path(name + ".ocsp.der"))

    def _as(self, issuer):
        return ["openssl", "ca", "-config", self.path("ca.cnf"), "-cert", self.path(issuer + ".pem"),
                "-keyfile", self.path(issuer + ".key")]
