# SPDX-License-Identifier: Apache-2.0
"""A real smsd on loopback with a data directory of its own, and a client of it. Each answer is held
against smsd's own OpenAPI document, and searched for what must never leave."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

from lib import audit, schema
from lib.database import Postgresql, Sqlite

START_S, END_S, ANSWER_S = 60, 60, 60
PREFIX = "/api/v1"
SERVES = re.compile(r"serves at \S+ port (\d+)")
DEVICES = re.compile(r"devices are served at \S+ port (\d+)")


class Failure(Exception):
    """What was seen is not what had to be."""


def check(condition, text):
    if not condition:
        raise Failure(text)


class Smsd:
    """The program; started again it finds the same data."""

    all_routes = []  # as the last one that started wrote them down
    server = None  # of PostgreSQL; none: SQLite

    def __init__(self, build, server=None):
        self.program = os.path.join(build, "smsd/smsd")
        self.folder = tempfile.mkdtemp(prefix="sms-api-")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.database, self.database_file = Sqlite(self.data), None
        if server or Smsd.server:
            self.database = Postgresql(server or Smsd.server)
            self.database_file = os.path.join(self.folder, "database")
        self.child = None
        self.port = self.devices_port = 0
        self.document = None
        self.secrets = []
        self.faults = []
        if self.database_file:
            self.write_database_file()

    def argv(self, *more):
        return self.over_database(self.program, "--data", self.data, "--listen", "127.0.0.1:0",
                                  "--listen-devices", "127.0.0.1:0", *more)

    def write_database_file(self):
        with open(self.database_file, "w", encoding="utf-8",
                  opener=lambda p, f: os.open(p, f, 0o600)) as out:
            out.write(self.database.connection + "\n")
        self.keep_secret(self.database.server.password)

    def over_database(self, *argv):
        """The same, over the database that the data is in."""
        if self.database_file and self.data in argv:
            return [*argv, "--database", self.database_file]
        return list(argv)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as src:
            return src.read()

    def start(self, *more):
        before = len(self.log()) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as out:
            self.child = subprocess.Popen(self.argv(*more), stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=out)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = SERVES.search(self.log()[before:])
            if found:
                self.port = int(found.group(1))
                self.devices_port = int(DEVICES.search(self.log()[before:]).group(1))
                self.learn()
                return self
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise Failure(f"smsd does not serve:\n{self.log()[before:]}")

    def learn(self):
        """The OpenAPI document, and what nothing may say."""
        answer = Client(self, "127.0.0.9").raw("GET", PREFIX + "/openapi.json")
        self.document = json.loads(answer.bytes)
        Smsd.all_routes = self.routes()
        for name in ("initial-password", "vault.key"):
            path = os.path.join(self.data, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as src:
                    self.keep_secret(src.read().strip())

    def keep_secret(self, text):
        if text not in self.secrets:
            self.secrets.append(text)

    def must_not_hold(self, *secrets):
        """None of these bytes is in a file of its data."""
        for folder, _, names in os.walk(self.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as src:
                    content = src.read()
                for secret in secrets:
                    check(secret not in content, f"a secret is in {name}")
        dump = self.database.dump()
        for secret in secrets:
            check(secret not in dump and secret.hex().encode() not in dump, "a secret is in the database")

    def password(self):
        with open(os.path.join(self.data, "initial-password"), encoding="utf-8") as src:
            return src.read().strip()

    def run(self, *argv):
        """The program with these arguments to its end: status and what it said."""
        done = subprocess.run(self.over_database(self.program, *argv), text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=END_S,
                              check=False)
        return done.returncode, done.stdout

    def stop(self):
        """By SIGTERM; the exit status."""
        if self.child is None:
            return 0
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure("smsd does not end at SIGTERM") from None
        finally:
            self.child = None

    def kill(self):
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def close(self):
        """Ends it and looks at what it said; then all of it is removed."""
        try:
            status = self.stop()
            check(status == 0, f"smsd ended with {status}:\n{self.log()[-3000:]}")
            for secret in self.secrets:
                check(secret not in self.log(), "a secret is in the log")
            check("PRIVATE KEY" not in self.log(), "a private key is in the log")
            check(not self.faults, "\n".join(self.faults[:20]))
        finally:
            self.kill()
            self.database.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def routes(self):
        """[(method, path, operation)] of the document."""
        return [(method.upper(), path, op) for path, item in self.document["paths"].items()
                for method, op in item.items()]

    def operation(self, method, path):
        path = path.partition("?")[0]
        for theirs, template, op in self.routes():
            pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(template))
            if theirs == method and re.fullmatch(pattern, path):
                return op
        return None


class Answer:
    def __init__(self, status, headers, content):
        self.status = status
        self.headers = headers
        self.bytes = content
        self.json = None
        if content and (headers.get("Content-Type") or "").endswith("json"):
            self.json = json.loads(content)

    def must(self, status):
        check(self.status == status, f"{status} was expected and {self.status} came: {self.bytes[:600]!r}")
        return self


class Client:
    """Requests from one address of loopback, so that each case has limits of its own."""

    def __init__(self, smsd, source):
        self.smsd = smsd
        self.source = source
        self.cookie = self.csrf = self.token = None

    def tls(self):
        context = ssl.create_default_context(cafile=os.path.join(self.smsd.data, "server.crt"))
        plain = socket.create_connection(("127.0.0.1", self.smsd.port), ANSWER_S,
                                         source_address=(self.source, 0))
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    @contextlib.contextmanager
    def connected(self):
        """A function that asks as raw() does, each time on this one connection."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.smsd.port, timeout=ANSWER_S)
        connection.sock = self.tls()

        def ask(method, path, body=None, headers=()):
            connection.request(method, path, body, dict(headers))
            came = connection.getresponse()
            return Answer(came.status, came.headers, came.read())

        try:
            yield ask
        finally:
            connection.close()

    def raw(self, method, path, body=None, headers=()):
        with self.connected() as ask:
            return ask(method, path, body, headers)

    def many(self, method, path, count):
        """Statuses of so many requests on one connection, which costs one handshake."""
        with self.connected() as ask:
            for _ in range(count):
                yield ask(method, path).status

    def credentials(self, method):
        headers = {}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.cookie and self.csrf and method != "GET":
            headers["X-Sluice-CSRF"] = self.csrf
        return headers

    def request(self, method, path, body=None, headers=()):
        """`body`: a value, sent as JSON. The answer is held against the document."""
        headers = {**self.credentials(method), **dict(headers)}
        sent = None
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            sent = json.dumps(body).encode()
        before = audit.newest(self.smsd) if method != "GET" else 0
        answer = self.raw(method, PREFIX + path, sent, headers)
        self.examine(method, PREFIX + path, answer)
        if method != "GET" and 200 <= answer.status < 300:
            self.look_for_row(method, path, body, answer, before)
        return answer

    def look_for_row(self, method, path, body, answer, before):
        operation = self.smsd.operation(method, PREFIX + path)["operationId"]
        if not audit.looks_only(operation, path, body, answer):
            self.smsd.faults += [f"{method} {path}: {f}" for f in
                                 audit.faults(self.smsd, before, operation, self.source)]

    def examine(self, method, path, answer):
        """Faults are gathered, so that a case goes on; close() fails with them."""
        where = f"{method} {path}: {answer.status}"
        op = self.smsd.operation(method, path)
        if op and op["operationId"] not in ("login", "make_token"):
            for secret in self.smsd.secrets:
                if secret.encode() in answer.bytes:
                    self.smsd.faults.append(f"{where}: a secret is in the answer")
        if b"PRIVATE KEY" in answer.bytes:
            self.smsd.faults.append(f"{where}: a private key is in the answer")
        if answer.headers.get("Cache-Control") != "no-store":
            self.smsd.faults.append(f"{where}: it may be kept in a cache")
        name = "2XX" if 200 <= answer.status < 300 else "default"
        content = (op or {"responses": {"default": None}})["responses"].get(name)
        if op is None or content is None:
            return
        wanted = content.get("content", {})
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
        if kind in wanted and "schema" in wanted[kind]:
            found = schema.faults(answer.json, wanted[kind]["schema"], self.smsd.document)
            self.smsd.faults += [f"{where}{f}" for f in found]
        elif wanted and "*/*" not in wanted:
            self.smsd.faults.append(f"{where}: it is {kind or 'nothing'}, not {list(wanted)}")
        elif not wanted and answer.bytes:
            self.smsd.faults.append(f"{where}: it has a body")
