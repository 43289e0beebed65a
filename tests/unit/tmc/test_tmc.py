#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tmc as people run it: test_tmc.py TMC. What is made is looked into and verified, the same input makes
the same bytes, what is wrong is said with what to do."""

import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

TMC = sys.argv.pop() if len(sys.argv) > 1 else "build/tmc/tmc"


class Tmc(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="tmc-")
        self.addCleanup(self.folder.cleanup)
        self.public = self.tmc("key", "new", self.path("key"))
        self.write("key.pub", self.public)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def run_tmc(self, *argv):
        return subprocess.run([TMC, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False, env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"})

    def tmc(self, *argv):
        done = self.run_tmc(*argv)
        self.assertEqual(done.returncode, 0, f"{argv}: {done.stderr}")
        return done.stdout

    def refused(self, *argv, status=1):
        done = self.run_tmc(*argv)
        self.assertEqual(done.returncode, status, f"{argv}: {done.stdout}{done.stderr}")
        return done.stderr

    def make(self, *argv, output="p.pkg"):
        self.tmc("make", *argv, "--key", self.path("key"), "-o", self.path(output))
        return self.path(output)

    def record(self, *argv):
        return json.loads(self.tmc(*argv, "--json"))

    def test_a_key_is_its_owners_alone(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path("key")).st_mode), 0o600)
        self.assertTrue(self.public.startswith("-----BEGIN PUBLIC KEY-----"))
        self.assertEqual(self.tmc("key", "public", self.path("key")), self.public)
        self.assertIn("exists", self.refused("key", "new", self.path("key")))
        os.chmod(self.path("key"), 0o644)
        self.assertIn("key", self.refused("key", "public", self.path("key")))

    def test_categories(self):
        source = self.write("list.csv", "@bank,Banks\na.test,bank\nb.test,bank,shop\nno domain,bank\n")
        package = self.make("categories", "csv", source, "--name", "Ours", "--version", "7",
                            "--description", "for a test")
        shown = self.record("show", package)
        self.assertEqual((shown["kind"], shown["name"], shown["version"], shown["names"], shown["description"]),
                         ("categories", "Ours", "7", 2, "for a test"))
        self.assertEqual({c["category"]: c["names"] for c in shown["categories"]}, {"bank": 2, "shop": 1})
        again = self.make("categories", "csv", source, "--name", "Ours", "--version", "7", "--description",
                          "for a test", output="again.pkg")
        with open(package, "rb") as one, open(again, "rb") as two:
            self.assertEqual(one.read(), two.read())
        self.assertIn("--category", self.refused("make", "categories", "hosts", source, "--key",
                                                 self.path("key"), "-o", self.path("x")))

    def test_who_signed_it(self):
        package = self.make("decryption-policy", "domains", self.write("d", "a.test\n*.b.test # all\n"))
        self.assertEqual(self.record("verify", package, "--keys", self.path("key.pub"))["domains"], 2)
        self.write("other.pub", self.tmc("key", "new", self.path("other")))
        self.assertIn("not signed by a key that is trusted",
                      self.refused("verify", package, "--keys", self.path("other.pub")))
        with open(package, "r+b") as out:
            out.seek(-1, os.SEEK_END)
            last = out.read(1)[0]
            out.seek(-1, os.SEEK_END)
            out.write(bytes([last ^ 1]))
        self.assertIn("not the one that was signed",
                      self.refused("verify", package, "--keys", self.path("key.pub")))

    def test_a_policy_is_checked_as_a_device_would(self):
        def refused(text):
            return self.refused("make", "decryption-policy", "policy", self.write("p.yaml", text), "--key",
                                self.path("key"), "-o", self.path("x"))

        self.make("decryption-policy", "policy",
                  self.write("good.yaml", "name: Default\ndomains: [a.test]\ncategories: [bank]\n"))
        self.assertIn("did you mean", refused("name: Default\ndomain: [a.test]\n"))
        self.assertIn("not a domain", refused("name: Default\ndomains: [a..test]\n"))
        self.assertIn("called Default", refused("name: Mine\n"))
        self.assertIn("names no file", refused("name: Default\ndomains_file: /x\n"))
        self.assertFalse(os.path.exists(self.path("x")))
        bad = self.write("bad", "a.test\nno domain\n")
        self.assertIn("bad:2", self.refused("make", "decryption-policy", "domains", bad, "--key",
                                            self.path("key"), "-o", self.path("x")))

    def test_what_has_to_be_there(self):
        source = self.write("d", "a.test\n")
        self.assertIn("--key", self.refused("make", "decryption-policy", "domains", source, status=2))
        self.assertIn("--keys", self.refused("verify", source, status=2))
        self.assertIn("no package", self.refused("show", source))
        self.refused("make", "nothing", status=2)
        self.refused("make", "ca-certificates", "--from", source, "--key", self.path("key"), "-o", self.path("x"))

    def test_publish(self):
        directory = self.path("d")
        os.mkdir(directory)
        one = self.make("decryption-policy", "domains", self.write("d1", "a.test\n"), output="one.pkg")
        self.tmc("publish", directory, one)
        two = self.make("categories", "csv", self.write("d2", "a.test,x\n"), output="two.pkg")
        self.assertEqual(self.record("publish", directory, two), {"packages": 2})
        with open(os.path.join(directory, "index.json"), encoding="utf-8") as src:
            index = json.load(src)
        self.assertEqual([(p["file"], p["kind"], p["size"]) for p in index["packages"]],
                         [("one.pkg", "decryption-policy", os.path.getsize(one)),
                          ("two.pkg", "categories", os.path.getsize(two))])
        self.assertEqual(sorted(os.listdir(directory)), ["index.json", "one.pkg", "two.pkg"])
        self.write("d/bad.pkg", "no package")
        self.assertIn("no package", self.refused("publish", directory))
        with open(os.path.join(directory, "index.json"), encoding="utf-8") as src:
            self.assertEqual(json.load(src), index)
        self.assertIn("NAME.pkg", self.refused("publish", directory, self.path("key.pub")))


if __name__ == "__main__":
    unittest.main()
