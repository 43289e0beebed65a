# SPDX-License-Identifier: Apache-2.0
"""The lab's table of certificate faults is what it says: OpenSSL's strict verifier finds the fault of
each row, and none in a row that has none. What only a browser's rules forbid, it does not see."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "lab"))

from lablib import faults  # noqa: E402
from lablib.pki import Pki  # noqa: E402

END = "-----END CERTIFICATE-----\n"
SAID = {"self_signed": "self-signed certificate", "unknown_issuer": "unable to get local issuer",
        "untrusted_root": "self-signed certificate in certificate chain", "expired": "has expired",
        "not_yet_valid": "not yet valid", "name_mismatch": "hostname mismatch",
        "~name_mismatch|malformed": "hostname mismatch", "bad_signature": "signature failure",
        "not_a_ca": "invalid CA certificate", "path_length": "path length constraint exceeded",
        "name_constraints": "subtree violation", "unknown_critical": "unhandled critical extension",
        "purpose": "unsuitable certificate purpose", "weak_digest": "digest algorithm too weak",
        "weak_key": "certificate key too weak", "revoked": "certificate revoked"}
BY_RULES_OF_BROWSERS = {"wildcard-partial", "too-many-names", "a-book-of-names"}


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.pki = Pki(cls.folder.name)
        faults.ensure(cls.pki)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def file(self, name, parts):
        path = self.pki.path(name)
        with open(path, "w", encoding="ascii") as out:
            out.write("".join(parts))
        return path

    def verify(self, row):
        with open(self.pki.path(f"fault-row-{row.key}.fullchain.pem"), encoding="ascii") as src:
            leaf, *others = [part + END for part in src.read().split(END) if part.strip()]
        roots = []
        for name in ("ca", "fault-old-root"):
            with open(self.pki.path(name + ".pem"), encoding="ascii") as src:
                roots.append(src.read())
        argv = ["openssl", "verify", "-x509_strict", "-auth_level", "2", "-purpose", "sslserver",
                "-CAfile", self.file("roots.pem", roots), "-no-CApath", "-no-CAstore",
                "-verify_hostname", row.name]
        if row.issuer == faults.LISTING:
            argv += ["-crl_check", "-CRLfile", self.pki.path(faults.LISTING + ".crl.pem")]
        if others:
            argv += ["-untrusted", self.file("others.pem", others)]
        done = subprocess.run([*argv, self.file("leaf.pem", [leaf])], capture_output=True, text=True,
                              check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def staple(self, row):
        """What the OCSP response that is sent along says of the certificate, rightly signed."""
        file, issuer = self.pki.path("fault-row-" + row.key), self.pki.path(row.issuer + ".pem")
        return subprocess.run(["openssl", "ocsp", "-respin", file + ".ocsp.der", "-issuer", issuer,
                               "-cert", file + ".pem", "-CAfile", self.pki.path("ca.pem"), "-no_nonce"],
                              capture_output=True, text=True, check=False)

    def test_each_row_has_its_fault_and_no_good_one_has_any(self):
        for row in faults.ROWS:
            said = self.verify(row)
            with self.subTest(row=row.key, said=said):
                if row.fault and row.key not in BY_RULES_OF_BROWSERS and not row.staple:
                    self.assertIn(SAID[row.fault], said)
                else:
                    self.assertEqual(said, "")

    def test_a_staple_says_what_its_row_says(self):
        for row in (row for row in faults.ROWS if row.staple):
            done = self.staple(row)
            with self.subTest(row=row.key, said=done.stdout + done.stderr):
                self.assertIn("Response verify OK", done.stderr)
                self.assertIn(": revoked" if row.revoked else ": good", done.stdout)

    def test_keys_and_names_are_unique(self):
        for values in ([row.key for row in faults.ROWS], [row.name for row in faults.ROWS]):
            self.assertEqual(len(values), len(set(values)))

    def test_a_spoiled_certificate_differs_in_one_bit_of_its_end(self):
        row = next(row for row in faults.ROWS if row.spoil)
        path = self.pki.path(f"fault-row-{row.key}.pem")
        def der():
            return subprocess.run(["openssl", "x509", "-in", path, "-outform", "DER"],
                                  capture_output=True, check=True).stdout
        before = der()
        faults.spoil(path)
        after = der()
        self.assertEqual(before[:-1], after[:-1])
        self.assertEqual(before[-1] ^ after[-1], 1)


if __name__ == "__main__":
    unittest.main()
