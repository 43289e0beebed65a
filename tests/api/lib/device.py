# SPDX-License-Identifier: Apache-2.0
"""A device as smsd sees one: its key, its signing requests, its calls. It trusts whom its token's pin
names and nobody else, as a real one does; keys and requests are openssl's."""

import base64
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile

from lib.smsd import ANSWER_S, Answer, check

PREFIX = "/device/v1"
CAPABILITIES = {"model": "vTPS", "version": "0.1.0", "document_version": 1,
                "files": "/var/lib/sluice/sms/files", "certificates_max": 1000,
                "protocols": ["TLS 1.2", "TLS 1.3"], "suites": ["TLS_AES_128_GCM_SHA256"],
                "features": []}
REVOKED = "urn:sluice:revoked"
HELD_S = 55  # a `wanted` is held for 50 s at most


def openssl(*argv, text=None):
    done = subprocess.run(["openssl", *argv], input=text, capture_output=True, check=False)
    check(done.returncode == 0, f"openssl {argv[0]}: {done.stderr.decode()}")
    return done.stdout


def der(pem):
    return ssl.PEM_cert_to_DER_cert(pem)


def pin_of(certificate):
    """SHA-256 of its public key."""
    key = openssl("x509", "-noout", "-pubkey", text=certificate.encode())
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", text=key)).digest()


def token_parts(token):
    """ID, secret and pin, as bytes."""
    version, *parts = token.split(".")
    check(version == "slt1" and len(parts) == 3, f"no token: {token[:8]}")
    return [base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in parts]


class Device:
    """With a folder of its own; source: its address on loopback."""

    def __init__(self, smsd, source="127.0.2.1"):
        self.smsd = smsd
        self.source = source
        self.folder = tempfile.mkdtemp(prefix="sms-device-")
        self.pin = None
        self.name = None
        self.sealing = None
        self.made = 0
        self.key = self.new_key()
        self.certificate = None  # file
        self.ca = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as out:
            out.write(text)
        return self.path(name)

    # ---- keys ------------------------------------------------------------------------------

    def new_key(self, curve="P-256"):
        self.made += 1
        path = self.path(f"key{self.made}")
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", path)
        return path

    def request_of(self, key):
        return openssl("req", "-new", "-key", key, "-subj", "/CN=counts for nothing").decode()

    def sealing_key(self):
        """The public part in base64; the private one stays in self.sealing (a file)."""
        if not self.sealing:
            self.sealing = self.path("sealing")
            openssl("genpkey", "-algorithm", "X25519", "-out", self.sealing)
        raw = openssl("pkey", "-in", self.sealing, "-pubout", "-outform", "DER")[-32:]
        return base64.b64encode(raw).decode()

    # ---- calls -----------------------------------------------------------------------------

    def connect(self, certificate=None, key=None):
        """A connection whose other end has shown the pin's key, before a byte is sent."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca:
            context.load_verify_locations(cadata=self.ca)
        else:
            context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate, key)
        plain = socket.create_connection(("127.0.0.1", self.smsd.devices_port), ANSWER_S,
                                         source_address=(self.source, 0))
        return context.wrap_socket(plain)

    def find_ca(self):
        """Of the chain that is shown: openssl says it, which python's ssl keeps to itself."""
        shown = openssl("s_client", "-connect", f"127.0.0.1:{self.smsd.devices_port}", "-showcerts",
                        text=b"").decode()
        ends = "-----END CERTIFICATE-----"
        pems = [p[p.index("-----BEGIN"):] + ends + "\n" for p in shown.split(ends)[:-1]]
        check(len(pems) == 2 and pin_of(pems[1]) == self.pin, "the chain does not end in the pin's key")
        self.ca = pems[1]

    def call(self, method, path, body=None, certificate=None, key=None, timeout=ANSWER_S, raw=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.smsd.devices_port, timeout=timeout)
        connection.sock = self.connect(certificate or self.certificate, key or self.key)
        connection.sock.settimeout(timeout)
        headers = {}
        if body is not None:
            raw, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        try:
            connection.request(method, PREFIX + path, raw, headers)
            came = connection.getresponse()
            return Answer(came.status, came.headers, came.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body, **more):
        return self.call("POST", path, body, **more)

    # ---- enrolment -------------------------------------------------------------------------

    def enrolment(self, token, document="", key=None):
        return {"token": token, "request": self.request_of(key or self.key),
                "sealing_key": self.sealing_key(), "capabilities": CAPABILITIES,
                "document": document}

    def enrol(self, token, document="", key=None):
        """The answer; when it is 200, the certificate is the device's from then on."""
        self.pin = self.pin or token_parts(token)[2]
        if not self.ca:
            self.find_ca()
        answer = self.call("POST", "/enrol", self.enrolment(token, document, key))
        if answer.status == 200:
            self.key = key or self.key
            self.name = answer.json["name"]
            self.certificate = self.write("certificate", answer.json["certificate"])
        return answer

    def renew(self):
        """The answer, and files of the new certificate and key, which the device does not use yet."""
        key = self.new_key()
        answer = self.post("/renew", {"request": self.request_of(key)})
        if answer.status != 200:
            return answer, None, None
        return answer, self.write("renewed", answer.json["certificate"]), key

    def wanted(self, have=0, wait=0, timeout=HELD_S):
        return self.get(f"/wanted?have={have}&wait={wait}", timeout=timeout)

    def status(self, **what):
        return self.post("/status", what)


def enrolled(smsd, client, name, source="127.0.2.1", document=""):
    """A new device of this name that has redeemed its token; `client` is logged in."""
    made = client.request("POST", "/devices", {"name": name}).must(201)
    device = Device(smsd, source)
    device.enrol(made.json["token"], document).must(200)
    return device
