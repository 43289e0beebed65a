# SPDX-License-Identifier: Apache-2.0
"""The lab's certificate authority: a root (RSA), an intermediate (P-256) and one certificate for
each case a server can show. Made once a lab by openssl; every key here is for the lab alone.

In the folder: ca.pem (what clients trust), chain.pem (the intermediate), and for each name below
NAME.pem (the leaf), NAME.key and NAME.fullchain.pem (leaf and intermediate, for servers).
"""

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

CA_CONFIG = """
[ca]
default_ca = lab
[lab]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
"""


def _new_key(path, kind):
    if kind == "rsa":
        options = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    else:
        options = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    run("openssl", "genpkey", *options, "-out", path)
    os.chmod(path, 0o600)


def _write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


class Pki:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def ensure(self):
        """Makes everything that is not there; costs nothing the second time."""
        if os.path.exists(self.path("complete")):
            return
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        _write(self.path("ca.cnf"), CA_CONFIG.format(folder=self.folder))
        _write(self.path("index.txt"), "")
        _write(self.path("serial"), os.urandom(8).hex() + "\n")
        self._root()
        self._sign("intermediate", "ec", "Lab Intermediate CA", 365, "ca",
                   "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign,cRLSign\n")
        os.replace(self.path("intermediate.pem"), self.path("chain.pem"))
        self._signer_alias()
        for name, (kind, names, days) in LEAVES.items():
            san = ",".join("DNS:" + n for n in names)
            usage = "extendedKeyUsage=serverAuth\nkeyUsage=digitalSignature,keyEncipherment\n"
            self._sign(name, kind, names[0], days, "intermediate",
                       f"basicConstraints=CA:FALSE\nsubjectAltName={san}\n{usage}")
            self._join(name)
        _write(self.path("complete"), "")

    def _root(self):
        _new_key(self.path("ca.key"), "rsa")
        run("openssl", "req", "-x509", "-new", "-key", self.path("ca.key"), "-subj",
            "/CN=Lab Root CA", "-days", "3650", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-out", self.path("ca.pem"))

    def _signer_alias(self):
        # The intermediate is `chain.pem` to servers and `intermediate.pem` to the signer.
        os.symlink("chain.pem", self.path("intermediate.pem"))

    def _sign(self, name, kind, common_name, days, issuer, extensions):
        _new_key(self.path(name + ".key"), kind)
        request = self.path(name + ".csr")
        run("openssl", "req", "-new", "-key", self.path(name + ".key"), "-subj",
            f"/CN={common_name}", "-out", request)
        identifiers = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        _write(self.path(name + ".ext"), extensions + identifiers)
        start, end = ("-30", str(days)) if days > 0 else ("-60", str(days))
        run("openssl", "ca", "-batch", "-notext", "-config", self.path("ca.cnf"), "-in", request,
            "-cert", self.path(issuer + ".pem"), "-keyfile", self.path(issuer + ".key"),
            "-extfile", self.path(name + ".ext"), "-startdate", _when(start), "-enddate",
            _when(end), "-out", self.path(name + ".pem"))

    def _join(self, name):
        text = ""
        for part in (name + ".pem", "chain.pem"):
            with open(self.path(part), encoding="ascii") as src:
                text += src.read()
        _write(self.path(name + ".fullchain.pem"), text)


def _when(days):
    return run("date", "-u", "-d", f"{days} days", "+%Y%m%d%H%M%SZ").stdout.strip()
