#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_client.py SMS: the command line against a server that writes down what it was asked: whom it
trusts, what it keeps, what it sends, and its exit status."""

import csv
import io
import json
import os
import pty
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import server as stub  # noqa: E402

SMS = sys.argv.pop(1)
OK, REFUSED, USAGE, NO_SERVER, NOT_PERMITTED = range(5)


def text_of(path):
    with open(path, encoding="ascii") as src:
        return src.read()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="sluice-sms-")
        cls.cert, cls.key, cls.pin = stub.make_certificate(cls.folder)
        cls.other_cert, cls.other_key, cls.other_pin = stub.make_certificate(cls.folder, "other")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.home = tempfile.mkdtemp(dir=self.folder)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.home}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.server = stub.Server(self.cert, self.key).__enter__()
        self.addCleanup(self.server.__exit__)
        self.password = self.file("password", self.server.password + "\n")

    def file(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def sms(self, *words, status=OK):
        done = subprocess.run([SMS, *words], env=self.env, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, start_new_session=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.said = done.stderr
        return done.stdout

    def login(self, *words, status=OK):
        return self.sms("login", "--server", self.server.url, "--user", "admin",
                        "--password-file", self.password, *words, status=status)

    def state(self):
        return os.path.join(self.home, ".local/state/sluice/sms.json")

    def on_terminal(self, lines, *words):
        """With a terminal on which `lines` are typed when it asks; what it showed, and the status."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(SMS, [SMS, *words], self.env)
        shown = b""
        for prompt, line in lines:
            while prompt not in shown:
                self.assertTrue(select.select([fd], [], [], 30)[0], shown)
                shown += os.read(fd, 1024)
            os.write(fd, line + b"\n")
        try:
            while chunk := os.read(fd, 1024):
                shown += chunk
        except OSError:
            pass
        os.close(fd)
        return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Trust(Case):
    def test_a_ca_file_verifies_and_is_remembered(self):
        self.login("--ca", self.cert)
        self.sms("list", "certificate")

    def test_a_wrong_ca_file_is_refused_before_anything_is_sent(self):
        self.login("--ca", self.other_cert, status=NO_SERVER)
        self.assertEqual(self.server.asked, [])
        self.assertFalse(os.path.exists(self.state()))

    def test_a_ca_file_does_not_make_up_for_another_name(self):
        self.server.url = self.server.url.replace("127.0.0.1", "localhost")
        self.login("--ca", self.cert, status=NO_SERVER)
        self.assertEqual(self.server.asked, [])

    def test_a_pin_is_the_certificate_or_nothing(self):
        self.login("--pin", self.other_pin, status=NO_SERVER)
        self.assertIn(self.pin, self.said)
        self.assertEqual(self.server.asked, [])
        self.login("--pin", "SHA256:" + ":".join(self.pin[i:i + 2] for i in range(0, 64, 2)).upper())
        self.sms("list", "certificate")

    def test_another_certificate_later_gets_no_cookie(self):
        self.login("--pin", self.pin)
        self.server.__exit__()
        with stub.Server(self.other_cert, self.other_key) as other:
            text = text_of(self.state()).replace(self.server.url, other.url)
            self.file(self.state(), text)
            self.sms("list", "certificate", status=NO_SERVER)
            self.assertEqual(other.asked, [])

    def test_without_a_terminal_nothing_is_trusted_at_first_sight(self):
        self.login(status=NO_SERVER)
        self.assertIn(self.pin, self.said)
        self.assertEqual(self.server.asked, [])

    def test_the_first_login_shows_the_fingerprint_and_asks(self):
        words = ("login", "--server", self.server.url)
        shown, status = self.on_terminal([(b"yes or no: ", b"no")], *words)
        self.assertEqual((status, self.server.asked), (NO_SERVER, []))
        shown, status = self.on_terminal(
            [(b"yes or no: ", b"yes"), (b"Name: ", b"admin"),
             (b"Password: ", self.server.password.encode())], *words)
        self.assertEqual(status, OK, shown)
        self.assertIn(self.pin.encode(), shown)
        self.assertNotIn(self.server.password.encode(), shown)
        self.sms("list", "certificate")

    def test_another_server_gets_nothing_of_the_first(self):
        self.login("--pin", self.pin)
        with stub.Server(self.cert, self.key) as other:
            self.sms("--server", other.url, "list", "certificate", status=USAGE)
            self.sms("--server", other.url, "--pin", self.pin, "list", "certificate",
                     status=NOT_PERMITTED)
            self.assertTrue(all("Cookie" not in headers for *_, headers in other.asked))

    def test_no_server_is_status_3_and_plain_http_is_no_server(self):
        self.sms("--server", "https://127.0.0.1:1", "--pin", self.pin, "list", "certificate",
                 status=NO_SERVER)
        self.sms("--server", "http://127.0.0.1:1", "--pin", self.pin, "list", "certificate",
                 status=USAGE)
        self.sms("list", "certificate", status=USAGE)


class Session(Case):
    def test_a_session_is_kept_in_a_file_of_the_owner_s_alone_and_sent(self):
        self.login("--pin", self.pin)
        self.assertIn("sms password", self.said)
        self.assertEqual(stat.S_IMODE(os.stat(self.state()).st_mode), 0o600)
        self.assertNotIn(self.server.password, text_of(self.state()))
        self.sms("token", "make", "ci", "--days", "30", "--scopes", "audit,people")
        method, path, body, headers = self.server.asked[-1]
        self.assertEqual((method, path), ("POST", "/api/v1/me/tokens"))
        self.assertEqual(body, {"name": "ci", "days": 30, "scopes": ["audit", "people"]})
        self.assertEqual(headers["X-Sluice-CSRF"], stub.CSRF)
        self.sms("token", "make", "all")
        self.assertEqual(self.server.asked[-1][2], {"name": "all"})

    def test_a_file_that_others_may_read_is_refused(self):
        self.login("--pin", self.pin)
        os.chmod(self.state(), 0o640)
        self.sms("list", "certificate", status=USAGE)

    def test_a_wrong_password_is_status_4_and_leaves_no_session(self):
        self.password = self.file("wrong", "not it\n")
        self.login("--pin", self.pin, status=NOT_PERMITTED)
        self.assertFalse(os.path.exists(self.state()))

    def test_a_password_file_that_others_may_read_is_refused(self):
        os.chmod(self.password, 0o644)
        self.login("--pin", self.pin, status=USAGE)
        self.assertEqual(self.server.asked, [])

    def test_logout_forgets_the_session_and_keeps_the_server(self):
        self.login("--pin", self.pin)
        self.sms("logout")
        self.assertEqual(self.server.asked[-1][:2], ("POST", "/api/v1/logout"))
        kept = json.loads(text_of(self.state()))
        self.assertEqual(kept, {"server": self.server.url, "pin": self.pin})
        self.sms("list", "certificate", status=NOT_PERMITTED)
        self.sms("login", "--user", "admin", "--password-file", self.password)

    def test_a_token_stands_for_a_session(self):
        self.env["SLUICE_TOKEN"] = stub.TOKEN
        self.sms("--server", self.server.url, "--ca", self.cert, "token", "delete", "a b/c")
        method, path, _, headers = self.server.asked[-1]
        self.assertEqual((method, path), ("DELETE", "/api/v1/me/tokens/a%20b%2Fc"))
        self.assertNotIn("Cookie", headers)
        self.assertNotIn("X-Sluice-CSRF", headers)

    def test_the_password_is_changed_by_files(self):
        self.login("--pin", self.pin)
        new = self.file("new", "another long one\n")
        self.sms("password", "--password-file", self.password, "--new-password-file", new)
        self.assertEqual(self.server.asked[-1][1:3], ("/api/v1/me/password", {
            "old": self.server.password, "new": "another long one"}))


class Objects(Case):
    def setUp(self):
        super().setUp()
        self.login("--pin", self.pin)

    def test_an_import_brings_files_and_fields(self):
        cert, key = self.file("c.pem", "CERT", 0o644), self.file("c.key", "KEY")
        self.sms("import", "certificate", "www", cert, "--key", key, "--password-file",
                 self.password, "--format", "pem", "--exportable", "--comment", "new")
        method, path, body, _ = self.server.asked[-1]
        self.assertEqual((method, path), ("POST", "/api/v1/certificates"))
        self.assertEqual(stub.decoded(body.pop("file")), b"CERT")
        self.assertEqual(stub.decoded(body.pop("key")), b"KEY")
        self.assertEqual(body, {"name": "www", "password": self.server.password, "format": "pem",
                                "exportable": True, "comment": "new"})
        self.sms("import", "ca-certificate", "root", cert)
        self.assertEqual(self.server.asked[-1][1], "/api/v1/ca-certificates")

    def test_a_key_that_others_may_read_is_not_sent(self):
        cert, key = self.file("c.pem", "CERT"), self.file("c.key", "KEY", 0o644)
        before = len(self.server.asked)
        self.sms("import", "certificate", "www", cert, "--key", key, status=USAGE)
        self.assertEqual(len(self.server.asked), before)

    def test_a_list_has_all_pages(self):
        self.server.objects["certificates"] = {f"c{n}": 1 for n in range(5)}
        shown = self.sms("list", "certificate")
        self.assertEqual([line.split()[0] for line in shown.splitlines()],
                         ["name", "c0", "c1", "c2", "c3", "c4"])
        self.assertNotIn("sha256", shown)
        self.assertEqual(len(json.loads(self.sms("list", "certificate", "--json"))), 5)
        self.assertEqual(json.loads(self.sms("--json", "list", "certificate"))[0]["sha256"], "00")
        self.assertEqual(self.sms("list", "signing-request"), "none\n")

    def test_a_change_says_which_revision_it_saw(self):
        self.server.objects["certificates"]["www"] = 4
        cert = self.file("c.pem", "CERT")
        self.sms("replace", "certificate", "www", cert)
        self.assertEqual(self.server.asked[-1][3]["If-Match"], '"4"')
        self.assertNotIn("name", self.server.asked[-1][2])
        self.sms("repair", "www", self.file("c.key", "KEY"))
        self.assertEqual(stub.decoded(self.server.asked[-1][2]["key"]), b"KEY")
        self.sms("delete", "certificate", "www", "--revision", "1", status=REFUSED)
        self.assertIn("changed meanwhile", self.said)
        self.sms("delete", "certificate", "www")
        self.sms("show", "certificate", "www", status=REFUSED)
        self.assertEqual(self.said.splitlines()[:2],
                         ["error: /name: there is no www", "       sms list"])

    def test_an_export_goes_to_a_new_file_of_the_owner_s_alone(self):
        self.server.objects["certificates"]["www"] = 1
        self.assertEqual(self.sms("export", "certificate", "www"), 'FILE {"format": "pem"}')
        out = os.path.join(self.home, "www.p12")
        self.sms("export", "certificate", "www", "--format", "pkcs12", "--password-file",
                 self.password, "-o", out)
        self.assertEqual(stat.S_IMODE(os.stat(out).st_mode), 0o600)
        self.assertIn(self.server.password, text_of(out))
        self.sms("export", "certificate", "www", "-o", out, status=REFUSED)
        self.assertIn("exists", self.said)
        self.sms("client-root", "www", "-o", out + ".cer")
        self.assertEqual(self.server.asked[-1][:2], ("GET", "/api/v1/certificates/www/client-root"))

    def test_what_is_made_has_a_subject(self):
        self.sms("make", "signing-certificate", "ca1", "--common-name", "CA 1", "--ou", "a;b",
                 "--c", "DE", "--key-type", "p-256", "--days", "90", "--exportable")
        self.assertEqual(self.server.asked[-1][1:3], ("/api/v1/signing-certificates", {
            "name": "ca1", "key_type": "p-256", "days": 90, "exportable": True,
            "subject": {"common_name": "CA 1", "units": ["a", "b"], "country": "DE"}}))
        self.sms("make", "signing-request", "r1", "--ca", "--dns", "a.example,b.example")
        self.assertEqual(self.server.asked[-1][1:3], ("/api/v1/signing-requests", {
            "name": "r1", "ca": True,
            "subject": {"common_name": "r1", "dns": ["a.example", "b.example"]}}))

    def test_what_comes_from_the_server_does_not_steer_the_terminal(self):
        shown = self.sms("audit", "--limit", "5", "--before", "9")
        self.assertEqual(self.server.asked[-1][1], "/api/v1/audit?limit=5&before=9")
        self.assertIn("im?port", shown)
        self.assertNotIn("\x1b", shown)
        self.sms("audit", "--limit", "5&x=1", status=USAGE)

    def test_history_and_completion(self):
        self.server.objects["ca-certificates"]["root"] = 3
        self.assertIn("admin", self.sms("history", "ca-certificate", "root"))
        self.sms("history", "ca-certificate", "root", "--limit", "1&x=1", status=USAGE)
        self.assertEqual(self.sms("--complete", "list", "si"), "signing-request\n")
        self.assertEqual(self.sms("nonsense", status=USAGE), "")


class Distribution(Case):
    def setUp(self):
        super().setUp()
        self.login("--pin", self.pin)

    def script(self, *steps):
        """Each step: name: state, or (state, text, online)."""
        self.server.distributions = []
        for at, step in enumerate(steps):
            rows = [(name, row if isinstance(row, tuple) else (row, "", True))
                    for name, row in step.items()]
            ended = all(r[0] in ("confirmed", "refused", "reverted", "superseded") for _, r in rows)
            self.server.distributions.append({
                "id": 7, "state": "ended" if ended else "running", "counts": {}, "devices": [
                    {"name": name, "state": state, "text": text, "online": online, "revision": 1,
                     "changed_ms": at + 1, "items": [{
                         "kind": "server proxy", "name": "shop", "pointer": "/ports", "notice": False,
                         "text": "taken", "remedy": "another"}] if state == "refused" else []}
                    for name, (state, text, online) in rows]})

    def test_a_distribution_says_to_whom_and_how(self):
        self.script({"a": "waiting"})
        self.sms("distribute", "a,b", "--staged", "--wait", "10m", "--confirm", "90s", "--comment", "why",
                 "--at", "2027-01-31T08:00:00Z")
        self.assertEqual(self.server.asked[-1][:3], ("POST", "/api/v1/distributions", {
            "devices": ["a", "b"], "staged": True, "wait_s": 600, "confirm_s": 90, "comment": "why",
            "not_before": "2027-01-31T08:00:00Z"}))
        self.sms("distribute", "--all", "--confirm", "0")
        self.assertEqual(self.server.asked[-1][2], {"all": True, "confirm_s": 0})
        self.sms("distribute", "--for-certificate", "www")
        self.assertEqual(self.server.asked[-1][2], {"certificate": "www"})
        before = len(self.server.asked)
        for words in ((), ("a", "--all"), ("a", "--wait", "5m"), ("a", "--confirm", "soon"),
                      ("a", "--confirm", "1500ms")):
            self.sms("distribute", *words, status=USAGE)
        self.assertEqual(len(self.server.asked), before)

    def test_a_device_that_refused_or_reverted_is_a_failure(self):
        for state in ("refused", "reverted"):
            self.script({"a": "confirmed", "b": state})
            self.sms("distribution", "show", "7", status=REFUSED)
            self.sms("distribute", "--all", "--watch", status=REFUSED)
        self.script({"a": "confirmed"})
        self.sms("distribution", "show", "7")

    def test_watching_says_each_step_once(self):
        self.script({"a": "waiting", "b": "waiting"}, {"a": "offered"}, {"a": "offered"},
                    {"a": "confirmed", "b": ("refused", "no\x1b[2J", True)})
        said = self.sms("distribute", "--all", "--watch", status=REFUSED)
        self.assertEqual(said.splitlines()[:4], ["distribution 7", "a: waiting", "b: waiting", "a: offered"])
        self.assertEqual(said.splitlines()[4], "a: confirmed")
        self.assertIn("b: refused (no", said)
        self.assertNotIn("\x1b", said)
        self.assertIn("refused: server proxy shop /ports: taken; another", said)
        self.assertEqual(self.server.asked[-1][:2], ("GET", "/api/v1/distributions/7?since=3"))

    def test_watching_does_not_wait_for_who_is_offline(self):
        self.script({"a": "confirmed", "b": ("waiting", "", False)})
        self.assertIn("when they return", self.sms("distribution", "show", "7", "--watch"))

    def test_a_preview_is_no_distribution(self):
        self.server.distributions = [{"devices": [
            {"name": "a", "online": True, "refused": False, "items": [], "changes": [{"kind": "added"}]},
            {"name": "b", "online": False, "refused": True, "items": []}]}]
        said = self.sms("distribute", "--all", "--preview", status=REFUSED)
        self.assertEqual(self.server.asked[-1][:2], ("POST", "/api/v1/distributions/preview"))
        self.assertIn("a: 1 change\n", said)
        self.assertIn("b: refused, offline, 0 changes\n", said)


def event(seq, **more):
    return {"epoch": "00000000000000ab", "seq": seq, "device": "box",
            "timestamp": f"2026-01-31T12:00:0{seq}.123456+0000", "event_type": "ssl_inspection", **more}


class Events(Case):
    def setUp(self):
        super().setUp()
        self.login("--ca", self.cert)
        self.server.events = [
            event(3, outcome="blocked", src_ip="10.0.0.1", src_port=5, dest_ip="10.0.0.2", dest_port=443,
                  tls={"sni": "=cmd|'/c x'!a\x1b[2J"}, profile="p", policy="q", reason_text="a filter"),
            event(2, outcome="inspected"),
            event(1, event_type="system", message='a "quoted" text', severity="info")]
        self.server.came = event(4, outcome="bypassed")

    def test_a_line_an_event_latest_last_over_pages_that_may_be_empty(self):
        shown = self.sms("events", "--sni", "a&b", "--from", "2026-01-31T00:00:00Z", "--limit", "50")
        lines = shown.splitlines()
        self.assertEqual([line[:23] for line in lines],
                         [f"2026-01-31 12:00:0{n}.123" for n in (1, 2, 3)])
        self.assertIn("blocked   10.0.0.1 port 5 > 10.0.0.2 port 443 =cmd", lines[2])
        self.assertTrue(lines[2].endswith(" p/q: a filter"), lines[2])
        self.assertNotIn("\x1b", shown)
        self.assertIn("sni=a%26b", self.server.asked[-1][1])
        self.assertIn("from=2026-01-31T00%3A00%3A00Z", self.server.asked[-1][1])
        self.assertEqual(len(self.sms("events", "--limit", "2").splitlines()), 2)
        self.assertEqual(json.loads(self.sms("--json", "events", "--limit", "1"))["seq"], 3)

    def test_an_export_has_all_and_no_cell_is_a_formula(self):
        lines = self.sms("events", "--export", "jsonl").splitlines()
        self.assertEqual([json.loads(line) for line in lines], self.server.events)
        rows = list(csv.DictReader(io.StringIO(self.sms("events", "--export", "csv"), newline="")))
        self.assertEqual([row["seq"] for row in rows], ["3", "2", "1"])
        self.assertTrue(rows[0]["sni"].startswith("'=cmd"), rows[0])
        self.assertEqual(rows[2]["message"], 'a "quoted" text')
        self.assertEqual((rows[0]["src_port"], rows[1]["src_port"]), ("5", ""))

    def test_following_goes_on_until_nobody_reads(self):
        child = subprocess.Popen([SMS, "events", "--follow"], env=self.env, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            lines = [child.stdout.readline()[17:19] for _ in range(5)]
        finally:
            child.kill()
            said = child.communicate()[1]
        self.assertEqual(lines, ["01", "02", "03", "04", "04"])  # the 3 that came is shown already
        self.assertIn("3 events came too fast", said)
        asked = [path.partition("since=")[2] for _, path, _, _ in self.server.asked if "/stream" in path]
        self.assertEqual(asked, ["1.1", "1.3"])  # it ended, and goes on where it was
        self.sms("events", "--follow", "--export", "csv", status=USAGE)

    def test_what_cannot_be_meant_is_refused(self):
        for limit in ("0", "x", "-1", "99999"):
            self.sms("events", "--limit", limit, status=USAGE)
        self.sms("events", "--export", "xml", status=USAGE)

    def test_series_are_a_table(self):
        self.assertIn("2026-01-31T12:00:00Z", self.sms("series", "--device", "box"))
        self.assertEqual(self.server.asked[-1][1], "/api/v1/series?device=box")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
