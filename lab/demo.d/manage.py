# SPDX-License-Identifier: Apache-2.0
"""The demo's third part: the management system. A box that knows its segment and nothing else is
enrolled; certificates, a proxy, a filter and a profile are made once at the SMS and distributed; a
certificate is replaced under traffic; a document that cuts the box off from its SMS is undone by the
box itself; and the box goes on without its SMS. Judged by what client and server saw.

The SMS runs on the servers' side, and the box reaches it through its own wire, by way of the
clients' side: so a document can cut it off, as in a real network.
"""

import json
import os
import re
import shutil
import subprocess
import time

from screen import clip
from stage import ATTACK, CLIENT, SECRET, SERVER, LabError, find_binary, in_netns, run

from lablib.pki import leaf_extensions

SMS = f"https://{SERVER}:8443"
BOX, NEAR = "172.31.99.2", "172.31.99.1"  # the box's management port, and the clients' end of it
START_S, STEP_S, WATCH_S, EVENT_S = 20.0, 0.1, 90.0, 20.0
CONFIRM = "30s"
RATE, SECONDS, REPLACE_AT = 10, 8, 2.0


class Manager:
    """smsd on the servers' side, and its administrator beside it."""

    def __init__(self, stage, screen):
        self.stage, self.screen = stage, screen
        self.folder = stage.lab.path("sms")
        self.home = os.path.join(self.folder, "home")
        self.child = None

    def ns(self, host):
        return self.stage.lab.topo.ns(host)

    def connect(self):
        """The box's management port, and the way from it through its own wire to the SMS."""
        for argv in (("ip", "-n", self.ns("box"), "link", "add", "mgmt", "type", "veth", "peer", "name",
                      "mgmt", "netns", self.ns("client")),
                     ("ip", "-n", self.ns("box"), "address", "add", BOX + "/30", "dev", "mgmt"),
                     ("ip", "-n", self.ns("box"), "link", "set", "mgmt", "up"),
                     ("ip", "-n", self.ns("client"), "address", "add", NEAR + "/30", "dev", "mgmt"),
                     ("ip", "-n", self.ns("client"), "link", "set", "mgmt", "up"),
                     ("ip", "-n", self.ns("box"), "route", "add", "default", "via", NEAR),
                     ("ip", "-n", self.ns("server"), "route", "add", BOX, "via", "10.10.0.10")):
            run(*argv)
        run(*in_netns(self.ns("client"), ["sysctl", "-qw", "net.ipv4.ip_forward=1"]))

    def start(self):
        """As a service would be; its standard error is its log."""
        os.makedirs(self.home, exist_ok=True)
        os.chmod(self.folder, 0o755)
        argv = [find_binary("smsd", "SMSD"), "--data", os.path.join(self.folder, "data"), "--listen",
                f"{SERVER}:8443", "--listen-devices", f"{SERVER}:8444"]
        with open(os.path.join(self.folder, "log"), "ab") as out:
            self.child = subprocess.Popen(in_netns(self.ns("server"), argv), stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out, start_new_session=True)
        end = time.monotonic() + START_S
        while not self.serves():
            if self.child.poll() is not None or time.monotonic() > end:
                raise LabError("smsd does not serve:\n" + self.log()[-1500:])
            time.sleep(STEP_S)

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as src:
            return src.read()

    def serves(self):
        return self.log().count(" serves at ") >= 2 or self.answers()

    def answers(self):
        done = run(*in_netns(self.ns("server"), ["curl", "-sk", "-m", "1", SMS + "/api/v1/version"]),
                   check=False)
        return done.returncode == 0

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait(10)

    def login(self):
        data = os.path.join(self.folder, "data")
        self.write("password", "demo demo demo demo\n", 0o600)
        self.sms("login", "--server", SMS, "--ca", os.path.join(data, "server.crt"), "--user", "admin",
                 "--password-file", os.path.join(data, "initial-password"), quiet=True)
        self.sms("password", "--password-file", os.path.join(data, "initial-password"),
                 "--new-password-file", os.path.join(self.folder, "password"), quiet=True)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def sms(self, *words, quiet=False, check=True):
        """The administrator's command; shown as typed, with short names of files."""
        argv = ["env", f"HOME={self.home}", find_binary("sms", "SMS"), *words]
        done = run(*in_netns(self.ns("server"), argv), check=False)
        shown = " ".join(os.path.basename(w) if w.startswith("/") else w for w in words)
        self.screen.command("sms " + shown, done.stdout + done.stderr, quiet=quiet)
        if check and done.returncode != 0:
            raise LabError(f"sms {shown}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def result(self, *words):
        """What an answer says, for a claim."""
        done = self.sms("--json", *words, quiet=True, check=False)
        return json.loads(done.stdout) if done.stdout.strip() else {}


# What the SMS makes of the box: a box of two lines knows where it is, and nothing else.
BARE = """\
version: 1
device: {name: demo}
segments: [{name: wan, port_a: eth1, port_b: eth2, on_failure: bypass}]
logging: {directory: "@LOGS@"}
"""
PROXY = """\
name: web
destinations: [10.10.0.20/32]
detection_ports: [@PORTS@]
certificates: [shop]
logging: true
"""
PROFILE = """\
name: default
ssl_server_policies: [{name: web, proxy: web}]
filters: [{rules: /files/demo-rules, action_set: block-notify}]
variables: {HOME_NET: any}
"""
SEGMENT = "{name: both, segment: wan, direction: a_to_b, profile: default}\n"


def bare_box(stage):
    """The box started anew with a document of its own, and no memory of an earlier one."""
    stage.lab_command("box", "stop")
    shutil.rmtree(f"/var/lib/sluice/{stage.name}", ignore_errors=True)
    with open(stage.config, "w", encoding="utf-8") as out:
        out.write(BARE.replace("@LOGS@", stage.logs))
    stage.lab_command("box", "start", stage.config)


def blocked(screen, stage):
    """The attack as the client sees it: (whether it is blocked, what was seen)."""
    status, body, trace = stage.curl("https://shop.test" + ATTACK)
    screen.command("curl https://shop.test" + ATTACK, body + trace, quiet=True)
    return SECRET not in body and status != 0, "the secret came back" if SECRET in body else \
        f"no secret; curl status {status}"


def serial(stage):
    """Of the certificate that a client is shown for shop.test."""
    done = run(*stage.as_client(["openssl", "s_client", "-connect", f"{SERVER}:443", "-servername",
                                 "shop.test"]), check=False)
    found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.S)
    if not found:
        return "none"
    return run("openssl", "x509", "-noout", "-serial", input=found.group(0),
               stdin=None).stdout.strip().removeprefix("serial=")


def act_manage(screen, stage):
    screen.act("Act 6: the management system", "certificates and policies made once, at the SMS")
    manager = Manager(stage, screen)
    try:
        enrol(screen, stage, manager)
        distribute(screen, stage, manager)
        replace(screen, stage, manager)
        cut_off(screen, stage, manager)
        alone(screen, stage, manager)
    finally:
        manager.kill()


def enrol(screen, stage, manager):
    stage.end_internet()
    bare_box(stage)
    manager.connect()
    manager.start()
    manager.login()
    is_blocked, seen = blocked(screen, stage)
    screen.claim("the box knows its two ports alone: the attack works", not is_blocked, seen)
    made = manager.result("device", "add", "demo")
    token = manager.write("token", made["token"] + "\n", 0o600)
    screen.command("sms device add demo        # makes a token, good for one use")
    done = stage.tps("sms", "enrol", SERVER, "--token-file", token)
    screen.command(f"tps sms enrol {SERVER}", done.stdout + done.stderr)
    screen.claim("the box is enrolled, by a token that is used up",
                 done.returncode == 0 and stage.tps("sms", "enrol", SERVER, "--token-file",
                                                    token).returncode != 0,
                 clip(done.stdout or done.stderr, 90))


def distribute(screen, stage, manager):
    pki = stage.lab.pki
    manager.sms("import", "certificate", "shop", pki.path("shop.pem"), "--key", pki.path("shop.key"))
    manager.sms("import", "ca-certificate", "lab", pki.path("chain.pem"))
    manager.sms("upload", "demo-rules", stage.rules, "--content", "rules")
    for kind, name, text in (("server-proxy", "web.yaml", PROXY.replace("@PORTS@", '"443"')),
                             ("profile", "default.yaml", PROFILE),
                             ("virtual-segment", "both.yaml", SEGMENT)):
        manager.sms("set", kind, manager.write(name, text))
    done = manager.sms("distribute", "--all", "--confirm", "0s", "--watch")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    is_blocked, seen = blocked(screen, stage)
    screen.claim("distributed: the attack is blocked", is_blocked and done.returncode == 0, seen)
    at_sms(screen, manager, since)
    found = key_on_disk(stage, pki.path("shop.key"))
    screen.claim("the private key is in no file of the box", not found,
                 found or "sealed on its way, in memory since")


def at_sms(screen, manager, since):
    """The block is found where all boxes are looked at, by what it was about."""
    words = ("events", "--kind", "alert", "--sni", "shop.test", "--from", since)
    end, events = time.monotonic() + EVENT_S, []
    while not events and time.monotonic() < end:
        done = manager.sms(*words, "--export", "jsonl", quiet=True, check=False)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        time.sleep(STEP_S)
    manager.sms(*words)
    found = events[0] if events else {}
    alert = found.get("alert", {})
    screen.claim("and found at the SMS, by the name that it was for",
                 found.get("device") == "demo" and alert.get("action") == "blocked" and
                 found.get("tls", {}).get("sni") == "shop.test" and bool(alert.get("signature")),
                 f"{found.get('tls', {}).get('sni')}: {alert.get('signature')}" if found else "no event")


def der_of(path):
    """The private key of a file as DER; b"" when there is none."""
    return subprocess.run(["openssl", "pkey", "-in", path, "-outform", "DER"], check=False,
                          capture_output=True, stdin=subprocess.DEVNULL).stdout


def key_on_disk(stage, key):
    """A file of the box that has the key, bare or as PEM; "" when there is none."""
    der = der_of(key)
    for folder in (f"/var/lib/sluice/{stage.name}", f"/run/sluice/{stage.name}", stage.logs):
        for at, _, names in os.walk(folder):
            for path in (os.path.join(at, name) for name in names):
                if os.path.isfile(path) and has_key(path, der):
                    return path
    return ""


def has_key(path, der):
    with open(path, "rb") as src:
        data = src.read()
    # Some of its middle: every form of an RSA key in DER has it.
    return der[-160:-128] in data or (b"PRIVATE KEY" in data and der_of(path) == der)


def replace(screen, stage, manager):
    """A new certificate with a new key, under steady requests."""
    pki = stage.lab.pki
    if not os.path.exists(pki.path("shop-new.pem")):
        pki.issue("shop-new", "ec", "/CN=shop.test", "intermediate", leaf_extensions(["shop.test"]))
    before = serial(stage)
    began = time.monotonic()
    load = stage.steady(RATE, SECONDS)
    time.sleep(max(0.0, began + REPLACE_AT - time.monotonic()))
    manager.sms("replace", "certificate", "shop", pki.path("shop-new.pem"), "--key",
                pki.path("shop-new.key"))
    manager.sms("distribute", "--for-certificate", "shop", "--confirm", "0s", "--watch")
    after = serial(stage)
    out, _ = load.communicate(timeout=SECONDS + 30)
    screen.command(f"steady.py: shop.test, {RATE} requests a second for {SECONDS} s, a line each", out,
                   quiet=True)
    requests = [json.loads(line) for line in out.splitlines()]
    failed = [r for r in requests if r["error"]]
    screen.claim("the certificate is another", before != after and "none" not in (before, after),
                 f"serial {before[-8:]} before, {after[-8:]} after")
    screen.claim("and no request failed meanwhile", len(requests) == RATE * SECONDS and not failed,
                 f"{len(failed)} of {len(requests)}" + (f": {failed[0]['error']}" if failed else ""))


def cut_off(screen, stage, manager):
    """The SMS's own port among the detection ports: the box would see its own certificate there."""
    manager.sms("set", "server-proxy",
                manager.write("web.yaml", PROXY.replace("@PORTS@", '"443", "8444"')))
    screen.note(f"port 8444 is where the box reaches its SMS; it will decrypt that too, for {CONFIRM}")
    done = manager.sms("distribute", "--all", "--confirm", CONFIRM, "--watch", check=False)
    said = (done.stdout + done.stderr).lower()
    screen.claim("the box goes back by itself, and says so", done.returncode != 0 and
                 "reverted" in said, clip(last_line(done.stdout), 90))
    is_blocked, seen = blocked(screen, stage)
    screen.claim("and inspects as before", is_blocked, seen)


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def alone(screen, stage, manager):
    screen.note("kill -9 of smsd")
    manager.kill()
    is_blocked, seen = blocked(screen, stage)
    status, body, _ = stage.curl("https://shop.test/whoami")
    screen.claim("without its SMS the box works on", is_blocked and not manager.answers(), seen)
    screen.claim("what is allowed comes through", status == 0 and body.strip() == CLIENT,
                 f"the server saw {body.strip()}")
