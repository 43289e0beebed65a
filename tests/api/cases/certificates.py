# SPDX-License-Identifier: Apache-2.0
"""Certificates, CA certificates and signing requests, made and read by the openssl command."""

import base64
import os
import shutil
import subprocess
import tempfile

from cases.session import bearer, enter, make_token
from lib.smsd import check

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Desk:
    """A folder with a root and a leaf below it; gone with `with`."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="sms-desk-")
        self.run("req", "-x509", *EC, "-keyout", "root.key", "-subj", "/CN=Desk Root", "-days", "30",
                 "-out", "root.pem")
        self.leaf("a")
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, *argv, data=None, status=0):
        done = subprocess.run(["openssl", *argv], cwd=self.path, input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        check((done.returncode == 0) == (status == 0), f"openssl {argv}: {done.stderr[-300:]!r}")
        return done.stdout

    def leaf(self, name):
        self.run("req", *EC, "-keyout", f"{name}.key", "-subj", f"/CN={name}.test", "-out",
                 f"{name}.csr")
        self.sign(f"{name}.csr", f"{name}.pem")

    def sign(self, request, to):
        self.run("x509", "-req", "-in", request, "-CA", "root.pem", "-CAkey", "root.key", "-days", "20",
                 "-out", to)

    def bytes(self, *names):
        out = b""
        for name in names:
            with open(os.path.join(self.path, name), "rb") as src:
                out += src.read()
        return out

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as out:
            out.write(data)

    def file(self, *names):
        return base64.b64encode(self.bytes(*names)).decode()


def bring(client, desk, name, *files, **more):
    return client.request("POST", "/certificates", {"name": name, "file": desk.file(*files), **more})


def case_a_certificate_comes_and_leaves_as_openssl_reads_it(smsd, client):
    """PEM with a key, PKCS12 with a password: what is exported is what was imported."""
    enter(smsd, client)
    with Desk() as desk:
        check(bring(client, desk, "way in", "a.pem", "root.pem", "a.key", exportable=True).must(201).json
              == {"names": ["way in"]}, "its name")
        shown = client.request("GET", "/certificates/way%20in").must(200)
        check(shown.json["status"] == "valid" and shown.headers["ETag"] == '"1"', f"{shown.json}")
        check(client.request("GET", "/ca-certificates/Desk%20Root").must(200).json["self_signed"],
              "its issuer came along")
        export = "/certificates/way%20in/export"
        desk.write("out.p12", client.request("POST", export, {"format": "pkcs12", "password": "pw"})
                   .must(200).bytes)
        key = desk.run("pkcs12", "-in", "out.p12", "-passin", "pass:pw", "-nodes", "-nocerts")
        check(desk.run("pkey", "-pubout", data=key) == desk.run("pkey", "-in", "a.key", "-pubout"),
              "the key is the one that came")
        desk.run("pkcs12", "-in", "out.p12", "-passin", "pass:no", "-nodes", status=1)
        pem = client.request("POST", export, {}).must(200)
        check(desk.run("x509", data=pem.bytes) == desk.run("x509", "-in", "a.pem"), "PEM")
        check('filename="way in.pem"' in pem.headers["Content-Disposition"], "the file's name")
        der = client.request("POST", export, {"format": "der"}).must(200).bytes
        check(der == desk.run("x509", "-in", "a.pem", "-outform", "DER"), "DER")
        again = bring(client, desk, "twice", "a.pem", "a.key").must(409).json
        check(again["errors"][0]["pointer"] == "/file" and "way in" in again["detail"], f"{again}")
        client.request("DELETE", "/certificates/way%20in", headers={"If-Match": '"1"'}).must(204)
        client.request("GET", "/certificates/way%20in").must(404)


def case_an_answer_finds_its_key(smsd, client):
    """A request is exported, signed elsewhere and imported without a key; the key never leaves."""
    enter(smsd, client)
    with Desk() as desk:
        body = {"name": "asked", "subject": {"common_name": "asked.test", "dns": ["*.asked.test"]},
                "key_type": "p-256"}
        check(client.request("POST", "/signing-requests", body).must(201).json["status"]
              == "waiting for its certificate", "it waits")
        desk.write("asked.csr", client.request("POST", "/signing-requests/asked/export", {}).must(200).bytes)
        desk.sign("asked.csr", "asked.pem")
        bring(client, desk, "asked", "asked.pem").must(201)
        check(client.request("GET", "/signing-requests/asked").must(200).json["status"] == "answered",
              "it is answered")
        check(not client.request("GET", "/certificates/asked").must(200).json["key"]["exportable"],
              "its key may not leave")
        client.request("POST", "/certificates/asked/export", {"format": "pkcs12", "password": "pw"}).must(403)
        client.request("POST", "/signing-requests/asked/export",
                       {"format": "pkcs12", "password": "pw"}).must(400)


def case_a_change_says_what_it_saw(smsd, client):
    """Without If-Match 428, with an older revision 412; a replacement keeps the old one and says why."""
    enter(smsd, client)
    with Desk() as desk:
        desk.leaf("b")
        bring(client, desk, "shop", "a.pem", "a.key").must(201)
        body = {"file": desk.file("b.pem"), "key": desk.file("b.key"), "comment": "renewed"}
        client.request("POST", "/certificates/shop/replace", body).must(428)
        client.request("POST", "/certificates/shop/replace", body, {"If-Match": '"2"'}).must(412)
        done = client.request("POST", "/certificates/shop/replace", body, {"If-Match": '"1"'}).must(200)
        check(done.headers["ETag"] == '"2"' and done.json["subject"] == "CN=b.test", f"{done.json}")
        check(client.request("GET", "/certificates/shop_REPLACED").must(200).json["subject"] == "CN=a.test",
              "the old one")
        newest = client.request("GET", "/certificates/shop/history?limit=1").must(200).json["items"][0]
        check((newest["who"], newest["action"], newest["comment"]) == ("admin", "replace", "renewed"),
              f"{newest}")
        client.request("POST", "/certificates/shop/repair", {"key": desk.file("b.key")},
                       {"If-Match": '"2"'}).must(409)


def case_a_token_without_the_capability_sees_no_certificate(smsd, client):
    """Every route of certificates asks for it."""
    enter(smsd, client)
    token = make_token(smsd, client, "audit only", ["audit"]).must(201).json["token"]
    other = bearer(client, token)
    for method, path, op in smsd.routes():
        if op["x-access"] == "device_certificates":
            path = path.removeprefix("/api/v1").replace("{name}", "a")
            other.request(method, path, {} if op.get("requestBody") else None).must(403)


def case_all_is_there_after_a_restart(fresh, client):
    """A signing certificate made before serves after; its key is still in the vault."""
    fresh.start()
    enter(fresh, client)
    body = {"name": "sign", "subject": {"common_name": "Corp"}, "key_type": "p-256", "days": 30}
    client.request("POST", "/signing-certificates", body).must(201)
    fresh.stop()
    fresh.start()
    shown = client.request("GET", "/certificates/sign").must(200).json
    check(shown["status"] == "valid" and shown["ca"], f"{shown}")
    root = client.request("GET", "/certificates/sign/client-root").must(200)
    check(root.headers["Content-Type"] == "application/pkix-cert", "DER")
