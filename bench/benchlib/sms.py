# SPDX-License-Identifier: Apache-2.0
"""A real smsd on loopback with a full configuration, for `make bench-sms`: 1,000 certificates, 200 server
proxies, one profile with a policy a proxy. The API is spoken to as anyone would."""

import base64
import http.client
import json
import os
import re
import ssl
import subprocess
import time

START_S, END_S, ANSWER_S = 60, 120, 300
PREFIX = "/api/v1"
PASSWORD = "a bench needs a password"
CERTIFICATES, PROXIES, TOKENS = 1000, 200, 8
SEGMENT = "wan"


class BenchError(Exception):
    pass


def cpu_s(pid):
    """What a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as src:
        fields = src.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Smsd:
    def __init__(self, build, folder, more=()):
        self.log_path = os.path.join(folder, "smsd.log")
        self.data = os.path.join(folder, "data")
        with open(self.log_path, "wb") as out:
            self.child = subprocess.Popen(
                [os.path.join(build, "smsd/smsd"), "--data", self.data, "--listen", "127.0.0.1:0",
                 "--listen-devices", "127.0.0.1:0", *more],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until = time.monotonic() + START_S
        self.port = self.devices_port = None
        while time.monotonic() < until and self.child.poll() is None and self.devices_port is None:
            time.sleep(0.05)
            with open(self.log_path, encoding="utf-8") as src:
                log = src.read()
            serves = re.search(r"serves at \S+ port (\d+)", log)
            devices = re.search(r"devices are served at \S+ port (\d+)", log)
            if serves and devices:
                self.port, self.devices_port = int(serves.group(1)), int(devices.group(1))
        if self.devices_port is None:
            raise BenchError(f"smsd does not serve; see {self.log_path}")

    def resident_mib(self, what="VmRSS"):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as src:
            return int(re.search(rf"{what}:\s+(\d+)", src.read()).group(1)) / 1024

    def cpu_s(self):
        return cpu_s(self.child.pid)

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(END_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Client:
    """One connection. What is asked too fast is asked again: smsd says when."""

    def __init__(self, smsd, source="127.0.0.1"):
        context = ssl.create_default_context(cafile=os.path.join(smsd.data, "server.crt"))
        self.connection = http.client.HTTPSConnection(
            "127.0.0.1", smsd.port, timeout=ANSWER_S, context=context, source_address=(source, 0))
        self.headers = {"Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        sent = None if body is None else json.dumps(body)
        while True:
            self.connection.request(method, PREFIX + path, sent, self.headers)
            answer = self.connection.getresponse()
            came = answer.read()
            if answer.status != 429:
                break
            time.sleep(0.25)
        if answer.status >= 300:
            raise BenchError(f"{method} {path}: {answer.status}: {came[:400]!r}")
        return answer, json.loads(came) if came else None

    def get(self, path):
        return self.ask("GET", path)[1]

    def enter(self, smsd):
        with open(os.path.join(smsd.data, "initial-password"), encoding="utf-8") as src:
            password = src.read().strip()
        answer, value = self.ask("POST", "/login", {"name": "admin", "password": password})
        self.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
        self.headers["X-Sluice-CSRF"] = value["csrf"]
        self.ask("POST", "/me/password", {"old": password, "new": PASSWORD})
        return self


class Desk:
    """Who brings all of it: in turns by several tokens, since each has a rate of its own."""

    def __init__(self, smsd, client):
        self.clients, self.turn = [], 0
        for n in range(TOKENS):
            token = client.ask("POST", "/me/tokens", {
                "name": f"bench {n}", "days": 1, "scopes": client.get("/me")["capabilities"]})[1]["token"]
            other = Client(smsd)
            other.headers["Authorization"] = f"Bearer {token}"
            self.clients.append(other)

    def ask(self, method, path, body=None):
        self.turn += 1
        return self.clients[self.turn % TOKENS].ask(method, path, body)


def make_certificates(folder):
    """Certificates with their keys: ECDSA P-256, signed by themselves."""
    made = []
    path = os.path.join(folder, "one")
    for n in range(CERTIFICATES):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj",
                        f"/CN=h{n}.bench.test", "-addext", f"subjectAltName=DNS:h{n}.bench.test",
                        "-keyout", path + ".key", "-out", path + ".pem"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        content = b""
        for part in (path + ".pem", path + ".key"):
            with open(part, "rb") as src:
                content += src.read()
        made.append(base64.b64encode(content).decode())
    return made


def import_certificates(desk, made):
    for number, content in enumerate(made):
        desk.ask("POST", "/certificates", {"name": f"c{number}", "file": content})
    return [f"c{number}" for number in range(len(made))]


def make_settings(desk, names):
    """Five certificates a proxy, each proxy at an address of its own."""
    each = len(names) // PROXIES
    for n in range(PROXIES):
        desk.ask("POST", "/server-proxies", {
            "name": f"proxy {n}", "destinations": [f"10.1.{n // 250}.{n % 250 + 1}"],
            "detection_ports": ["443"], "certificates": names[n * each:(n + 1) * each]})
    desk.ask("POST", "/profiles", {"name": "bench", "ssl_server_policies": [
        {"name": f"policy {n}", "proxy": f"proxy {n}"} for n in range(PROXIES)]})
    desk.ask("POST", "/virtual-segments", {"name": "bench", "segment": SEGMENT, "profile": "bench"})


def make_devices(desk, count):
    tokens = []
    for n in range(count):
        name = f"box{n:04}"
        tokens.append((name, desk.ask("POST", "/devices", {"name": name})[1]["token"]))
    return tokens
