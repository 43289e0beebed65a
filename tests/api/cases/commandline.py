# SPDX-License-Identifier: Apache-2.0
"""sms, the command line, against the real thing: what tests/unit/sms shows of it with a server of the
test's own holds here too, and all that it sends is what smsd takes."""

import hashlib
import json
import os
import shutil
import ssl
import subprocess
import tempfile

from lib.device import Device
from lib.smsd import check

OK, REFUSED, USAGE, NO_SERVER, NOT_PERMITTED = range(5)
PASSWORD = "a password for the test"


class Sms:
    """One person at a terminal: a home directory of its own."""

    def __init__(self, smsd):
        self.program = os.path.join(os.path.dirname(os.path.dirname(smsd.program)), "sms/sms")
        self.home = tempfile.mkdtemp(prefix="sms-home-")
        self.env = {**os.environ, "HOME": self.home}
        for name in ("XDG_STATE_HOME", "SLUICE_TOKEN"):
            self.env.pop(name, None)
        self.server = f"https://127.0.0.1:{smsd.port}"
        self.options = ()
        self.said = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home)

    def path(self, name):
        return os.path.join(self.home, name)

    def file(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.path(name), 0o600)
        return self.path(name)

    def __call__(self, *words, status=OK):
        done = subprocess.run([self.program, *self.options, *words], env=self.env, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, start_new_session=True, timeout=120,
                              check=False)
        self.said = done.stderr
        check(done.returncode == status,
              f"sms {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def record(self, *words):
        return json.loads(self("--json", *words))

    def login(self, smsd):
        """As someone does it the first time: pin from the log, password from its file, a new one."""
        first = self.file("first", smsd.password() + "\n")
        new = self.file("new", PASSWORD + "\n")
        words = ("login", "--server", self.server, "--pin", fingerprint(smsd), "--user", "admin",
                 "--password-file")
        self(*words, first)
        check("sms password" in self.said, "nothing says that the password must be changed")
        self("list", "certificate", status=NOT_PERMITTED)
        self("password", "--password-file", first, "--new-password-file", new)
        self("login", "--user", "admin", "--password-file", new)
        return new


def fingerprint(smsd):
    with open(os.path.join(smsd.data, "server.crt"), encoding="ascii") as src:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(src.read())).hexdigest()


def openssl(*words):
    done = subprocess.run(["openssl", *words], text=True, capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)
    check(done.returncode == 0, f"openssl {' '.join(words)}: {done.stderr}")
    return done.stdout


def case_command_line_trusts_the_pin_and_no_other(fresh, client):
    """A client names the SHA-256 of the certificate that smsd made; one of another gets no password."""
    fresh.start()
    with Sms(fresh) as sms:
        first = sms.file("first", fresh.password() + "\n")
        words = ("login", "--server", sms.server, "--user", "admin", "--password-file", first)
        sms(*words, status=NO_SERVER)
        check(fingerprint(fresh) in sms.said, sms.said)
        sms(*words, "--pin", "0" * 64, status=NO_SERVER)


def make_and_export(sms, new):
    """A signing certificate, its root, its key as PKCS12, its history, its end."""
    made = sms.record("make", "signing-certificate", "ca1", "--common-name", "CA 1", "--o", "Test",
                      "--ou", "one;two", "--key-type", "p-256", "--days", "30", "--exportable")
    check(made["name"] == "ca1" and made["status"] == "valid", made)
    check("ca1" in sms("list", "certificate").split(), "the list")
    sms("client-root", "ca1", "-o", sms.path("root.cer"))
    root = openssl("x509", "-inform", "DER", "-in", sms.path("root.cer"), "-noout", "-subject")
    check("CN = CA 1" in root and "OU = two" in root, root)
    check("BEGIN CERTIFICATE" in sms("export", "certificate", "ca1"), "the export")
    sms("export", "certificate", "ca1", "--format", "pkcs12", "--password-file", new, "-o",
        sms.path("ca1.p12"))
    openssl("pkcs12", "-in", sms.path("ca1.p12"), "-passin", f"file:{new}", "-nodes", "-out",
            sms.path("ca1.pem"))
    sms("import", "certificate", "ca1", sms.path("ca1.pem"), status=REFUSED)
    check(sms.record("history", "certificate", "ca1")[0]["who"] == "admin", "the history")
    sms("delete", "certificate", "ca1", "--revision", "99", status=REFUSED)
    sms("delete", "certificate", "ca1")
    sms("import", "certificate", "again", sms.path("ca1.p12"), "--password-file", new, "--format",
        "pkcs12", "--comment", "from its export")
    sms("export", "certificate", "again", "--format", "pkcs12", "--password-file", new, "-o",
        sms.path("no.p12"), status=NOT_PERMITTED)
    sms("import", "ca-certificate", "root1", sms.path("root.cer"))
    sms("make", "signing-certificate", "ca2", "--key-type", "p-256")
    sms("client-root", "ca2", "-o", sms.path("root2.cer"))
    sms("replace", "ca-certificate", "root1", sms.path("root2.cer"), "--comment", "a newer one")
    names = [row["name"] for row in sms.record("list", "ca-certificate")]
    check(names == ["root1", "root1_REPLACED"], names)


def request_and_answer(sms):
    """The key of a request stays and finds the answer; a token does it without a login."""
    token = sms.record("token", "make", "ci", "--days", "2", "--scopes",
                       "device_certificates")["token"]
    check("ci" in sms("token", "list"), "the list of tokens")
    sms.env["SLUICE_TOKEN"] = token
    sms("make", "signing-request", "www", "--common-name", "www.example", "--dns", "www.example",
        "--key-type", "p-256")
    sms("export", "signing-request", "www", "-o", sms.path("www.csr"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", sms.path("ca.key"), "-out", sms.path("ca.pem"), "-subj", "/CN=ca",
            "-days", "2")
    openssl("x509", "-req", "-in", sms.path("www.csr"), "-CA", sms.path("ca.pem"), "-CAkey",
            sms.path("ca.key"), "-days", "2", "-out", sms.path("www.pem"))
    sms("import", "certificate", "www", sms.path("www.pem"))
    check(sms.record("show", "certificate", "www")["status"] == "no trust anchor", "the status")
    sms("import", "ca-certificate", "ca3", sms.path("ca.pem"))
    check(sms.record("show", "certificate", "www")["status"] == "valid", "the status")
    sms("audit", status=NOT_PERMITTED)
    del sms.env["SLUICE_TOKEN"]
    lines = sms.record("audit", "--limit", "100")
    check(any(line["via"] == "token" and line["name"] == "www" for line in lines), lines[:5])
    check(PASSWORD not in json.dumps(lines) and token not in json.dumps(lines), "a secret")
    sms("token", "delete", "ci")
    sms.env["SLUICE_TOKEN"] = token
    sms("list", "certificate", status=NOT_PERMITTED)
    del sms.env["SLUICE_TOKEN"]
    sms("logout")
    sms("list", "certificate", status=NOT_PERMITTED)


def case_command_line_manages_certificates(fresh, client):
    """From the first login to the logout: made, exported, deleted, imported, requested, replaced."""
    fresh.start()
    with Sms(fresh) as sms:
        make_and_export(sms, sms.login(fresh))
        request_and_answer(sms)


def case_command_line_has_devices(fresh, client):
    """What to type on the device, the token once, its settings to a file and back, its end."""
    fresh.start()
    with Sms(fresh) as sms:
        sms.login(fresh)
        said = sms("device", "add", "north", "--comment", "a box")
        check(f"tps sms enrol 127.0.0.1:{fresh.devices_port}" in said, said)
        token = next(word for word in said.split() if word.startswith("slt1."))
        check(sms.record("device", "show", "north")["state"] == "new", "its state")
        with Device(fresh) as device:
            device.enrol(token, '{"device":{"contact":"the hall"}}').must(200)
            row = sms.record("device", "list")[0]
            check(row["online"] and row["version"] == "0.1.0" and not row["in_step"], row)
            check("north" in sms("device", "list"), "the list")
            settings = json.loads(sms("device", "settings", "north"))
            check(settings == {"device": {"contact": "the hall"}}, settings)
            settings["device"]["contact"] = "the cellar"
            path = sms.file("settings.json", json.dumps(settings))
            sms("device", "settings", "north", "--file", path)
            check(json.loads(sms("device", "settings", "north")) == settings, "its settings")
            bad = sms.file("bad.json", '{"profiles": []}')
            sms("device", "settings", "north", "--file", bad, status=REFUSED)
            check("/settings/profiles" in sms.said, sms.said)
            sms("device", "delete", "north", status=REFUSED)
            check("slt1." in sms("device", "token", "north"), "another token")
            sms("device", "revoke", "north")
            device.renew()[0].must(403)
            sms("device", "delete", "north")
            check(sms.record("device", "list") == [], "it is still there")


YAML = """\
name: web
destinations: [10.0.0.1, 10.0.1.0/24]
detection_ports: [443, 8443-8450]
certificates: [shop]   # as in tpsd.yaml
"""

DOCUMENT = """\
version: 1
device: {name: edge}
segments: [{name: wan, port_a: eth1, port_b: eth2}]
virtual_segments:
  - {name: guests, segment: wan, vlans: [7], profile: main}
  - {name: all, segment: wan, profile: main}
profiles:
  - name: main
    ssl_server_policies: [{name: in, proxy: web}]
    ssl_client_policies: [{name: surf, proxy: out, trust_store: ours}]
    filters: [{rules: /etc/sluice/own.rules}]
  - {name: 7, ssl_server_policies: [{name: seven, proxy: web, state: observe}]}
trust_stores: [{name: ours, include_default_ca_certificates: false, ca_certificates: [root]}]
ssl_server_proxies:
  - {name: web, destinations: [10.0.0.1], detection_ports: [443], certificates: [shop]}
ssl_client_proxies: [{name: out, signing_certificate: sign, detection_ports: [443]}]
"""


def set_and_look(sms):
    """Made from YAML, changed, left alone, compared, renamed, gone back, deleted and had again."""
    web = sms.file("web.yaml", YAML)
    check(sms("check", "server-proxy", web).startswith("server-proxy web: would be created"), "a check")
    check(sms.record("list", "server-proxy") == [], "a check writes nothing")
    said = sms("set", "server-proxy", web, "--comment", "the shop")
    check(said.startswith("server-proxy web: created, revision 1\n")
          and '+ certificates: ["shop"]\n' in said, said)
    check(sms("set", "server-proxy", web) == "server-proxy web: unchanged, revision 1\n", "again")
    sms.file("web.yaml", YAML + "logging: true\n")
    said = sms("set", "server-proxy", web)
    check(said.startswith("server-proxy web: changed, revision 2\n~ logging: false -> true\n"), said)
    sms("set", "server-proxy", web, "--revision", "1", status=REFUSED)
    check("in between logging went from false to true" in sms.said, sms.said)
    check(sms("diff", "server-proxy", "web", "1") == "~ logging: false -> true\n", "a diff")
    check("web" in sms("list", "server-proxy").split(), "the list")
    profile = sms.file("p.json", json.dumps({"name": "p q", "ssl_server_policies": [
        {"name": "in p", "proxy": "web"}]}))
    sms("set", "profile", profile)
    said = sms("rename", "server-proxy", "web", "www 1")
    check(said.startswith("server-proxy www 1: changed, revision 3"), said)
    shown = sms.record("show", "profile", "p q")
    check(shown["body"]["ssl_server_policies"][0]["proxy"] == "www 1", shown)
    sms("delete", "server-proxy", "www 1", status=REFUSED)
    check("profile" in sms.said, sms.said)
    sms("rollback", "server-proxy", "www 1", "--to", "1")
    shown = sms.record("show", "server-proxy", "web")
    check(shown["revision"] == 4 and "logging" not in shown["body"], shown)
    check([line["action"] for line in sms.record("history", "server-proxy", "web")]
          == ["rollback", "replace", "replace", "create"], "its history")
    sms("delete", "profile", "p q")
    check(sms("rollback", "profile", "p q", "--to", "1").startswith("profile p q: created, revision 5"),
          "it is back")
    sms("delete", "profile", "p q")
    sms("delete", "server-proxy", "web")


def be_told_where(sms):
    """What is wrong in a file has its line and its remedy, and nothing is sent."""
    bad = sms.file("bad.yaml", YAML.replace("certificates", "certificats"))
    sms("set", "server-proxy", bad, status=REFUSED)
    check("bad.yaml:4:1: /certificats: there is no key" in sms.said
          and 'did you mean "certificates"?' in sms.said, sms.said)
    sms("set", "server-proxy", sms.file("bad.yaml", "name: [\n"), status=USAGE)
    sms("set", "server-proxy", sms.path("none.yaml"), status=USAGE)
    sms("set", "trust-stor", bad, status=USAGE)
    sms("diff", "server-proxy", "web", "1/../2", status=USAGE)
    check(sms.record("list", "server-proxy") == [], "nothing was made")


def bring_a_document(sms):
    """Each item of a device's lists, in an order in which names are there; what is missing is named."""
    path = sms.file("tpsd.yaml", DOCUMENT.replace("version: 1", "version: 2"))
    sms("import", "document", path, status=USAGE)
    check("/version: the document is of version 2; this build reads version 1" in sms.said,
          sms.said)
    sms.file("tpsd.yaml", DOCUMENT)
    said = sms("import", "document", path, status=REFUSED)
    check("/ca_certificates/0" in sms.said and 'there is no ca certificate "root"' in sms.said, sms.said)
    check("server-proxy web: created" in said and "profile 7: created" in said, said)
    check("/filters/0/rules" in sms.said and "upload it as a file" in sms.said, sms.said)
    sms("import", "ca-certificate", "root", sms.path("root.cer"))
    sms.file("tpsd.yaml", DOCUMENT.replace("    filters: [{rules: /etc/sluice/own.rules}]\n", ""))
    said = sms("import", "document", path)
    check("server-proxy web: unchanged" in said and "trust-store ours: created" in said
          and "virtual-segment all: created" in said, said)
    shown = sms.record("show", "profile", "main")
    check(shown["used_by"] == [{"kind": "virtual segment", "name": name} for name in ("all", "guests")],
          shown)


def names_in_order(sms):
    return [line["name"] for line in sms.record("list", "virtual-segment")]


def keep_an_order(sms):
    """The document's order of virtual segments, and one that goes before another; a file without a
    place leaves it where it is."""
    check(names_in_order(sms) == ["guests", "all"], "the document's order")
    sms("move", "virtual-segment", "all", status=USAGE)
    sms("move", "virtual-segment", "all", "--before", "nobody", status=REFUSED)
    check("it is not there: nobody" in sms.said, sms.said)
    said = sms("move", "virtual-segment", "all", "--before", "guests")
    check(said.startswith("virtual-segment all: changed, revision 2\n~ place: 2000 -> "), said)
    check(names_in_order(sms) == ["all", "guests"], "moved")
    path = sms.file("all.yaml", "{name: all, segment: wan, profile: main, direction: a_to_b}\n")
    sms("set", "virtual-segment", path)
    check(names_in_order(sms) == ["all", "guests"], "the place is kept")


def go_back_with_everything(sms):
    """A preview, a refusal without a yes, and all of it as it was."""
    then = sms.record("changes", "--limit", "1")[0]["id"]
    before = sms.record("show", "profile", "main")["body"]
    sms("delete", "virtual-segment", "guests")
    sms("rename", "server-proxy", "web", "other")
    sms("set", "trust-store", sms.file("new.yaml", "name: new\n"))
    sms("rollback", "all", status=USAGE)
    for words, status in ((["--preview"], OK), ([], REFUSED)):
        said = sms("rollback", "all", "--to", str(then), *words, status=status)
        check("virtual segment guests: made\n" in said and "trust store new: deleted\n" in said
              and "server proxy web: changed\n~ name: \"other\" -> \"web\"\n" in said, said)
        check("guests" not in names_in_order(sms), "nothing is written")
    sms("rollback", "all", "--to", str(then), "--yes", "--comment", "undo")
    check(names_in_order(sms) == ["all", "guests"], "it is there again, where it was")
    check(sms.record("show", "profile", "main")["body"] == before, "and the old name")
    lines = sms.record("changes", "--limit", "5")
    check({(line["action"], line["comment"]) for line in lines[:4]} == {("rollback", "undo")}, lines)
    check(sms("rollback", "all", "--to", str(then), "--yes") == "all settings are as they were then\n",
          "once is enough")


def case_command_line_keeps_settings(fresh, client):
    """What a device has in its document is made, changed and compared here by the same words."""
    fresh.start()
    with Sms(fresh) as sms:
        sms.login(fresh)
        for name in ("shop", "sign"):
            sms("make", "signing-certificate", name, "--key-type", "p-256")
        sms("client-root", "shop", "-o", sms.path("root.cer"))
        set_and_look(sms)
        be_told_where(sms)
        bring_a_document(sms)
        keep_an_order(sms)
        go_back_with_everything(sms)
