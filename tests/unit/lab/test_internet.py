# SPDX-License-Identifier: Apache-2.0
"""The lab's small internet is what its table says: each certificate has the one fault that its site
is there for, as OpenSSL's own verifier sees it, and nothing else is wrong with any of them."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path[:0] = [os.path.join(ROOT, "lab"), os.path.join(ROOT, "lab/hosts")]

import odd  # noqa: E402
from lablib import internet, servers  # noqa: E402
from lablib.pki import Pki  # noqa: E402

# What `openssl verify` says of a site; of the others it says nothing.
FAULTS = {"self-signed": "self-signed certificate", "expired": "certificate has expired",
          "future": "certificate is not yet valid", "wrong-host": "hostname mismatch",
          "unknown-root": "unable to get local issuer", "revoked": "certificate revoked",
          "no-intermediate": "unable to get local issuer", "rsa1024": "EE certificate key too weak",
          "sha1": "digest algorithm too weak",
          "own-ca": "self-signed certificate in certificate chain"}


def split_chain(text):
    parts = text.split("-----END CERTIFICATE-----\n")
    return [part + "-----END CERTIFICATE-----\n" for part in parts if part.strip()]


class Certificates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.pki = Pki(cls.folder.name)
        internet.ensure(cls.pki)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def file(self, name, text):
        path = self.pki.path(name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def verify(self, site, name):
        """What OpenSSL says of a site's chain as it is sent; "" when it verifies."""
        with open(self.pki.path(name + ".fullchain.pem"), encoding="ascii") as src:
            leaf, *others = split_chain(src.read())
        argv = ["openssl", "verify", "-x509_strict", "-auth_level", "2", "-purpose", "sslserver",
                "-CAfile", self.pki.path("ca.pem"), "-no-CApath", "-no-CAstore"]
        if others:
            argv += ["-untrusted", self.file("others.pem", "".join(others))]
        if site.key == "revoked":
            argv += ["-crl_check", "-CRLfile", self.pki.path("site-revoked.crl.pem")]
        argv += ["-verify_hostname", site.name] if site.name else \
            ["-verify_ip", internet.address(site)]
        done = subprocess.run([*argv, self.file("leaf.pem", leaf)], capture_output=True, text=True,
                              check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def test_each_site_has_the_fault_it_is_there_for_and_no_other(self):
        for site in internet.SITES:
            for suffix, _ in internet.certificates(site):
                said = self.verify(site, f"site-{site.key}{suffix}")
                wanted = FAULTS.get(site.key, "")
                with self.subTest(site=site.key + suffix, said=said):
                    self.assertTrue(wanted in said if wanted else not said)

    def test_subjects_names_and_digests_are_those_of_the_table(self):
        def show(name, *what):
            return subprocess.run(["openssl", "x509", "-noout", "-in", self.pki.path(name + ".pem"),
                                   *what], capture_output=True, text=True, check=True).stdout
        self.assertEqual(show("site-many", "-ext", "subjectAltName").count("DNS:"), internet.MANY)
        self.assertIn("critical", show("site-no-subject", "-ext", "subjectAltName"))
        self.assertEqual(show("site-no-subject", "-subject").strip(), "subject=")
        self.assertIn("IP Address:" + internet.address(internet.find("ip-only")),
                      show("site-ip-only", "-ext", "subjectAltName"))
        self.assertIn("ecdsa-with-SHA1", show("site-sha1", "-text"))
        self.assertIn("secp384r1", show("site-p384", "-text"))
        for name, _, common_name, _ in internet.COMPANY:
            self.assertIn("CA:TRUE", show(name, "-text"))
            self.assertIn(common_name, show(name, "-issuer"))


class Table(unittest.TestCase):
    def test_keys_names_and_addresses_are_unique_and_in_the_lab(self):
        names = [site.name for site in internet.SITES if site.name]
        for values in ([s.key for s in internet.SITES], names, internet.addresses()):
            self.assertEqual(len(values), len(set(values)))
        self.assertLessEqual(internet.FIRST + len(internet.SITES) - 1, 250)
        self.assertIn("IP:" + internet.address(internet.find("ip-only")),
                      internet.find("ip-only").names)

    def test_nginx_has_every_site_that_is_not_odd(self):
        text = servers.fill(internet.nginx_servers(), {"PKI": "/pki", "ROOT": "/root"})
        for site in internet.SITES:
            listens = f"listen {internet.address(site)}:443" in text
            self.assertEqual(listens, not site.odd, site.key)
        self.assertNotIn("@", text)

    def test_every_odd_site_has_something_odd_to_do(self):
        self.assertEqual({s.odd for s in internet.SITES if s.odd}, set(odd.KINDS))

    def test_the_malformed_certificate_is_in_whole_messages(self):
        flight = odd.malformed_flight()
        self.assertEqual(int.from_bytes(flight[3:5], "big"), len(flight) - 5)
        at, kinds = 5, []
        while at < len(flight):
            kinds.append(flight[at])
            at += 4 + int.from_bytes(flight[at + 1:at + 4], "big")
        self.assertEqual((at, kinds), (len(flight), [2, 11, 14]))


if __name__ == "__main__":
    unittest.main()
