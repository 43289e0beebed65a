# SPDX-License-Identifier: Apache-2.0
"""A device's end of the devices' port, without a box: it enrols, asks what is wanted, fetches and says
what became of it, each call as the test wants it. What it may not do it can do, too."""

import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import time

from lib.smsd import check

PREFIX = "/device/v1"
ANSWER_S = 90
FILE_ROW = 32 + 8
SETTINGS = {"segments": [{"name": "wan", "port_a": "e0", "port_b": "e1"}]}
CAPABILITIES = {"model": "vTPS", "version": "0.1.0", "document_version": 1,
                "files": "/var/lib/sluice/sms/files", "certificates_max": 1000}


def openssl(*argv, data=None):
    done = subprocess.run(["openssl", *argv], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)
    check(done.returncode == 0, f"openssl {argv}: {done.stderr[-300:]!r}")
    return done.stdout


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token_of(smsd, name):
    """A device of that name, new, and the token that enrols it."""
    ident, secret = os.urandom(9), os.urandom(32)
    now = int(time.time() * 1000)
    row = smsd.database.rows(
        "INSERT INTO device (name, revision, state, comment, certificate_ends_ms,"
        " made_ms, enrolled_ms, seen_ms, wanted) VALUES (?, 1, 'new', '', 0, ?, 0, 0, 0) RETURNING id",
        (name, now))[0][0]
    smsd.database.rows("INSERT INTO device_token (id, device, secret, ends_ms) VALUES (?, ?, ?, ?)",
                       (ident, row, hashlib.sha256(secret).digest(), now + 3600 * 1000))
    ca = smsd.database.rows("SELECT certificate FROM device_ca")[0][0]
    key = openssl("x509", "-inform", "DER", "-pubkey", "-noout", data=ca)
    spki = openssl("pkey", "-pubin", "-outform", "DER", data=key)
    return ".".join(["slt1", *(base64url(b) for b in (ident, secret, hashlib.sha256(spki).digest()))])


def settings_of(smsd, name, settings):
    """Those that people give a device here."""
    smsd.database.rows("UPDATE device SET settings = ? WHERE name = ?",
                       (json.dumps({"version": 1, **settings}), name))


class Box:
    """One device; `said` has each answer's bytes, so that a test can look for what must not be there."""

    def __init__(self, smsd, name, settings=None, **capabilities):
        self.smsd, self.name = smsd, name
        self.have, self.has, self.said = 0, "", []
        self.licence = None  # digest of the licence that it heard of last; None: a device of before
        self.panic = None  # number of what it has; None: a device of before
        self.path = os.path.join(smsd.folder, name.replace(" ", "_"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=box", "-keyout", self.path + ".key", "-out", self.path + ".csr")
        openssl("genpkey", "-algorithm", "X25519", "-out", self.path + ".sealing")
        sealing = openssl("pkey", "-in", self.path + ".sealing", "-pubout", "-outform", "DER")[-32:]
        with open(self.path + ".csr", encoding="ascii") as src:
            request = src.read()
        document = {"version": 1, "device": {"name": name}, **(settings or SETTINGS)}
        self.capabilities = {**CAPABILITIES, **capabilities}
        body = {"token": token_of(smsd, name), "request": request,
                "sealing_key": base64.b64encode(sealing).decode(), "capabilities": self.capabilities,
                "document": json.dumps(document, separators=(",", ":"))}
        answer = self.must(200, "POST", "/enrol", body, anonymous=True)
        check(answer["name"] == name, f"{answer}")
        with open(self.path + ".crt", "w", encoding="ascii") as out:
            out.write(answer["certificate"])
        settings_of(smsd, name, settings or SETTINGS)

    def call(self, method, path, body=None, anonymous=False):
        """Status and the body's bytes. `body`: a value, sent as JSON, or bytes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if not anonymous:
            context.load_cert_chain(self.path + ".crt", self.path + ".key")
        plain = socket.create_connection(("127.0.0.1", self.smsd.devices_port), ANSWER_S)
        connection = http.client.HTTPSConnection("127.0.0.1", self.smsd.devices_port, timeout=ANSWER_S)
        connection.sock = context.wrap_socket(plain)
        try:
            data = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
            headers = {"Content-Type": "application/json"} if data else {}
            connection.request(method, PREFIX + path, data, headers)
            came = connection.getresponse()
            content = came.read()
            self.said.append(content)
            return came.status, content
        finally:
            connection.close()

    def must(self, status, method, path, body=None, anonymous=False):
        got, content = self.call(method, path, body, anonymous)
        check(got == status, f"{self.name} {method} {path}: {got}, not {status}: {content[:400]!r}")
        return json.loads(content) if content else None

    # ---- what a device does ----

    def wanted(self, wait=0):
        licence = "" if self.licence is None else f"&licence={self.licence}"
        panic = "" if self.panic is None else f"&panic={self.panic}"
        return self.must(200, "GET", f"/wanted?have={self.have}&wait={wait}{panic}{licence}")

    def fetch(self, wanted):
        """The document, by its digest, and its files, each by its own."""
        status, text = self.call("GET", f"/document?revision={wanted['revision']}")
        check(status == 200, f"{self.name}: the document: {status}")
        check(hashlib.sha256(text).hexdigest() == wanted["sha256"], f"{self.name}: another document came")
        check(len(text) == wanted["size"], f"{self.name}: {len(text)} bytes, not {wanted['size']}")
        for file in self.files(wanted["revision"]):
            content = self.fetch_file(file)
            check(hashlib.sha256(content).hexdigest() == file["sha256"], f"{self.name}: another {file}")
        return json.loads(text)

    def files(self, revision):
        """Digest and size of each file of that document, as lib/remote/packed.h has them."""
        status, rows = self.call("GET", f"/files?revision={revision}")
        check(status == 200 and len(rows) % FILE_ROW == 0, f"{self.name}: files: {status}: {rows[:400]!r}")
        each = (rows[at:at + FILE_ROW] for at in range(0, len(rows), FILE_ROW))
        return [{"sha256": row[:32].hex(), "size": int.from_bytes(row[32:], "big")} for row in each]

    def fetch_file(self, file):
        """In the pieces in which it comes; `said` has them, and all of it where that is one."""
        content = b""
        while len(content) < file["size"]:
            status, piece = self.call("GET", f"/file?sha256={file['sha256']}&offset={len(content)}")
            check(status == 200 and piece, f"{self.name}: file {file}: {status}")
            content += piece
        check(len(content) == file["size"], f"{self.name}: {len(content)} bytes of {file}")
        return content

    def say(self, revision, state, sha256="", **more):
        return self.must(204, "POST", "/status",
                         {"revision": revision, "state": state, "sha256": sha256, **more})

    def keys(self, *ids):
        """Of each id what came: "sealed", or "refused" and why."""
        status, said = self.call("POST", "/keys", b"".join(bytes.fromhex(i) for i in ids))
        check(status == 200 and len(said) >= 32, f"{self.name}: keys: {status}: {said[:400]!r}")
        keys, at = [], 32
        for name in ids:
            end = at + 3 + int.from_bytes(said[at + 1:at + 3], "big")
            content = said[at + 3:end]
            keys.append({"id": name, "sealed": content} if said[at] else
                        {"id": name, "refused": content.decode()})
            at = end
        check(at == len(said), f"{self.name}: {len(said)} bytes of keys, not {at}")
        return keys

    def news(self):
        """What is wanted, once it is something new: a document may be made a moment later."""
        for _ in range(3):
            wanted = self.wanted(30)
            if wanted["revision"] not in (0, self.have):
                return wanted
        check(False, f"{self.name}: nothing new is wanted: {wanted}")
        return None

    def take(self):
        """All of it, as a good device does; the document."""
        wanted = self.news()
        document = self.fetch(wanted)
        self.say(wanted["revision"], "fetched", self.has)
        self.have, self.has = wanted["revision"], wanted["sha256"]
        self.say(self.have, "in force", self.has)
        self.say(self.have, "confirmed", self.has)
        return document
