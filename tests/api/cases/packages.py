# SPDX-License-Identifier: Apache-2.0
"""Packages: believed by their signature alone, brought by hand, by a directory or by HTTPS, compared,
installed, gone back from; and what devices get of them."""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import time

from cases.files import send
from cases.session import bearer, enter, make_token
from lib.box import CAPABILITIES, Box
from lib.smsd import Client, Failure, check

LOOK_S = 60


class Maker:
    """Where packages are made: a folder with a key, and what tmc says."""

    def __init__(self, smsd):
        self.tmc = os.path.join(os.path.dirname(os.path.dirname(smsd.program)), "tmc", "tmc")
        self.folder = tempfile.mkdtemp(prefix="packages-", dir=smsd.folder)
        os.chmod(self.folder, 0o755)  # smsd runs as somebody else
        self.count, self.made = 0, 1790000000
        self.key, self.public = self.new_key("key")

    def new_key(self, name):
        key = os.path.join(self.folder, name)
        return key, self.run("key", "new", key)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *argv):
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(self.made)}
        done = subprocess.run([self.tmc, *argv], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60, env=env, check=False)
        check(done.returncode == 0, f"tmc {argv}: {done.stderr}")
        return done.stdout

    def make(self, kind, content, *argv, key=None):
        """A package of that version, newer than those before it: its path."""
        self.count += 1
        self.made += 60
        source, out = self.path(f"source{self.count}"), self.path(f"p{self.count}.pkg")
        with open(source, "w", encoding="utf-8") as to:
            to.write(content)
        words = {"categories": ["categories", "csv", source],
                 "decryption-policy": ["decryption-policy", "domains", source],
                 "ca-certificates": ["ca-certificates", "--from", source]}[kind]
        self.run("make", *words, "--key", key or self.key, "-o", out, "--version", str(self.count), *argv)
        return out

    def publish(self, directory, *packages):
        for package in packages:
            self.run("publish", directory, package)


def read(path):
    with open(path, "rb") as src:
        return src.read()


def bring(client, path):
    return client.request("POST", "/packages", {"upload": send(client, read(path))})


def begin(smsd, client):
    """Somebody who may, a maker whom the SMS believes."""
    enter(smsd, client)
    maker = Maker(smsd)
    name = os.path.basename(maker.folder)
    client.request("POST", "/package-keys", {"name": name, "pem": maker.public}).must(201)
    return maker


def source(client, name, address, **more):
    body = {"name": name, "address": address, "minutes": 0, **more}
    return client.request("POST", "/package-sources", body).must(201)


def looked(client, name):
    """The source once a look at it that begins now is over."""
    until = time.monotonic() + LOOK_S
    client.request("POST", f"/package-sources/{name}/check").must(202)
    while time.monotonic() < until:
        now = client.request("GET", f"/package-sources/{name}").must(200).json
        if not now["checking"]:
            return now
        time.sleep(0.2)
    raise Failure(f"source {name} is not looked at: {now}")


def here(client, kind):
    return [p for p in client.request("GET", "/packages").must(200).json["items"] if p["kind"] == kind]


def case_a_package_is_believed_by_its_signature_alone(smsd, client):
    """Another key, one byte that is another, a package that ends early, no package: refused with the
    reason, and nothing is here."""
    maker = begin(smsd, client)
    good = maker.make("categories", "a.test,one\n")
    other, _ = maker.new_key("other")
    foreign = bring(client, maker.make("categories", "a.test,two\n", key=other)).must(400)
    check("not signed by a key that is trusted" in foreign.json["detail"], foreign.json)
    data = read(good)
    for at in (0, 9, 30, len(data) // 2, len(data) - 1):
        bad = bytearray(data)
        bad[at] ^= 1
        answer = client.request("POST", "/packages", {"upload": send(client, bytes(bad))})
        check(answer.status == 400, f"byte {at}: {answer.status} {answer.json}")
    for bad in (data[:-1], b"PACKAGE" * 10):
        client.request("POST", "/packages", {"upload": send(client, bad)}).must(400)
    check(here(client, "categories") == [], "something is here")
    made = bring(client, good).must(201).json
    check(made["kind"] == "categories" and not made["installed"] and made["summary"]["names"] == 1, f"{made}")
    check(bring(client, good).must(201).json["id"] == made["id"], "the same one twice")
    client.request("DELETE", f"/packages/{made['id']}").must(204)
    client.request("GET", f"/packages/{made['id']}").must(404)


def case_install_diff_history_and_back(smsd, client):
    """What is installed of a kind is one package; another says what differs, an earlier one is gone back
    to; what is installed and who signed it are not deleted."""
    maker = begin(smsd, client)
    first = bring(client, maker.make("categories", "a.test,one\nb.test,one\n")).must(201).json
    second = bring(client, maker.make("categories", "b.test,one\nc.test,two\n@two,The second\n")).must(201).json
    diff = client.request("GET", f"/packages/{first['id']}/diff").must(200).json
    check(diff["added"]["count"] == 2 and "from" not in diff, f"{diff}")
    done = client.request("POST", f"/packages/{first['id']}/install").must(200).json
    check(done["package"]["installed"], f"{done}")
    client.request("POST", f"/packages/{first['id']}/install").must(409)
    diff = client.request("GET", f"/packages/{second['id']}/diff").must(200).json
    check(diff["from"] == first["version"] and diff["added"] == {"count": 1, "first": ["c.test"]}
          and diff["removed"] == {"count": 1, "first": ["a.test"]}
          and diff["categories_added"]["first"] == ["two"], f"{diff}")
    client.request("POST", f"/packages/{second['id']}/install").must(200)
    listed = client.request("GET", "/categories").must(200).json["items"]
    check(sorted((c["category"], c["names"]) for c in listed) == [("one", 1), ("two", 1)], f"{listed}")
    check([p["id"] for p in here(client, "categories") if p["installed"]] == [second["id"]], "two are installed")
    client.request("DELETE", f"/packages/{second['id']}").must(409)
    name = os.path.basename(maker.folder)
    busy = client.request("DELETE", f"/package-keys/{name}").must(409)
    check("installed" in busy.json["detail"], busy.json)
    client.request("POST", f"/packages/{first['id']}/install").must(200)
    client.request("POST", f"/packages/{first['id']}/uninstall").must(200)
    client.request("POST", f"/packages/{first['id']}/uninstall").must(409)
    check(client.request("GET", "/categories").must(200).json["items"] == [], "categories of nothing")
    history = client.request("GET", "/package-history?kind=categories").must(200).json["items"]
    check([h["package"] for h in history[:4]] == [0, first["id"], second["id"], first["id"]], f"{history}")
    client.request("DELETE", f"/package-keys/{name}").must(204)
    refused = client.request("POST", f"/packages/{second['id']}/install").must(400)
    check("not trusted any more" in refused.json["detail"], refused.json)


def case_who_may_not_does_not(smsd, client):
    """Packages are theirs who have the capability; who looks at all may look."""
    maker = begin(smsd, client)
    package = bring(client, maker.make("decryption-policy", "a.test\n")).must(201).json
    token = make_token(smsd, client, "looker", ["view_configuration"]).must(201).json["token"]
    looker = bearer(client, token)
    looker.request("GET", "/packages").must(200)
    looker.request("GET", "/package-keys").must(200)
    looker.request("GET", "/package-sources").must(200)
    for method, path, body in (("POST", f"/packages/{package['id']}/install", None),
                               ("DELETE", f"/packages/{package['id']}", None),
                               ("POST", "/package-keys", {"name": "x", "pem": maker.public}),
                               ("POST", "/package-sources", {"name": "x", "address": "/tmp"})):
        looker.request(method, path, body).must(403)
    token = make_token(smsd, client, "packer", ["packages"]).must(201).json["token"]
    packer = bearer(client, token)
    brought = bring(packer, maker.make("decryption-policy", "packer.test\n")).must(201).json
    upload = packer.request("POST", "/uploads").must(201).json["id"]
    packer.request("POST", "/files", {"name": "a", "content": "rules", "upload": upload}).must(403)
    packer.request("DELETE", f"/uploads/{upload}").must(204)
    packer.request("DELETE", f"/packages/{brought['id']}").must(204)


def case_a_directory_is_a_source(smsd, client):
    """Its newest packages come, by hand or by themselves; what is wrong stands at the source and is an
    event, until it is right; nothing leads out of the directory."""
    maker = begin(smsd, client)
    folder = maker.path("published")
    os.mkdir(folder)
    source(client, "shelf", folder, automatic=["decryption-policy"])
    check("index.json" in looked(client, "shelf")["error"], "an empty directory is no source")
    maker.publish(folder, maker.make("categories", "a.test,one\n"), maker.make("decryption-policy", "a.test\n"))
    now = looked(client, "shelf")
    check("error" not in now, f"{now}")
    check([p["installed"] for p in here(client, "categories") if p["source"] == "shelf"] == [False], "by itself")
    policies = [p for p in here(client, "decryption-policy") if p["source"] == "shelf"]
    check([p["installed"] for p in policies] == [True], f"{policies}")
    newer = maker.make("decryption-policy", "b.test\n")
    maker.publish(folder, newer)
    spoil(os.path.join(folder, os.path.basename(newer)))
    now = looked(client, "shelf")
    check("its bytes are not those that the index says" in now["error"], f"{now}")
    maker.publish(folder)
    told = client.request("GET", "/events?device=sms&limit=50").must(200).json
    check("its bytes are not those that the index says" in json.dumps(told), "no event")
    shutil.copy(newer, folder)
    foreign, _ = maker.new_key("foreign")
    maker.publish(folder, maker.make("categories", "a.test,one\nb.test,one\n", key=foreign))
    now = looked(client, "shelf")
    check("not signed by a key that is trusted" in now["error"], f"{now}")
    index = os.path.join(folder, "index.json")
    for bad in ('{"packages": [{"file": "../key"}]}', "[]", "{" * 5000, '{"packages": []} x'):
        with open(index, "w", encoding="utf-8") as to:
            to.write(bad)
        check("index.json" in looked(client, "shelf")["error"], f"{bad[:20]} is taken")
    os.remove(index)
    os.symlink(maker.path("key"), index)
    check("link is not followed" in looked(client, "shelf")["error"], "a link is followed")
    os.remove(index)
    os.mkfifo(index)
    check("no plain file" in looked(client, "shelf")["error"], "a pipe is read")
    etag = client.request("GET", "/package-sources/shelf").must(200).headers["ETag"]
    client.request("DELETE", "/package-sources/shelf", headers={"If-Match": etag}).must(204)


def spoil(path):
    with open(path, "r+b") as to:
        to.seek(-1, os.SEEK_END)
        last = to.read(1)[0]
        to.seek(-1, os.SEEK_END)
        to.write(bytes([last ^ 1]))


class Quiet(http.server.SimpleHTTPRequestHandler):
    asked = []  # every path

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.asked.append(self.path)
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.path[len("/moved"):])
            self.end_headers()
        else:
            super().do_GET()


@contextlib.contextmanager
def served(maker, folder):
    """A directory by HTTPS on loopback: its port, and the certificate."""
    crt, key = maker.path("web.crt"), maker.path("web.key")
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                           "-nodes", "-subj", "/CN=web", "-addext", "subjectAltName=IP:127.0.0.1",
                           "-keyout", key, "-out", crt], capture_output=True, check=False)
    check(done.returncode == 0, f"{done.stderr}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Quiet, directory=folder))
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], read(crt).decode()
    finally:
        server.shutdown()
        server.server_close()


def case_an_https_address_is_a_source(smsd, client):
    """By the source's certificate alone; no redirect is followed, no other protocol spoken."""
    maker = begin(smsd, client)
    folder = maker.path("web")
    os.mkdir(folder)
    maker.publish(folder, maker.make("categories", "w.test,web\n"))
    for bad in ("http://127.0.0.1/", "ftp://x/", "relative", "https://", "https://u@x/", "https://x/?a",
                "file:///etc"):
        body = {"name": "bad", "address": bad}
        answer = client.request("POST", "/package-sources", body).must(400)
        check(answer.json["errors"][0]["pointer"] == "/address", answer.json)
    with served(maker, folder) as (port, certificate):
        address = f"https://127.0.0.1:{port}/"
        source(client, "web", address)
        check("web" not in [p["source"] for p in here(client, "categories")], "here before")
        check("certificate" in looked(client, "web")["error"].lower(), "whoever it is is believed")
        etag = client.request("GET", "/package-sources/web").must(200).headers["ETag"]
        change = {"address": address + "moved/", "minutes": 0, "ca": certificate}
        client.request("PUT", "/package-sources/web", change, headers={"If-Match": etag}).must(200)
        check("not followed" in looked(client, "web")["error"], "a redirect is followed")
        client.request("PUT", "/package-sources/web", change, headers={"If-Match": etag}).must(412)
        etag = client.request("GET", "/package-sources/web").must(200).headers["ETag"]
        change["address"] = address
        client.request("PUT", "/package-sources/web", change, headers={"If-Match": etag}).must(200)
        now = looked(client, "web")
        check("error" not in now, f"{now}")
    check([p["installed"] for p in here(client, "categories") if p["source"] == "web"] == [False], "not here")
    check("127.0.0.1" in looked(client, "web").get("error", ""), "a server that is gone is no error")


def objects(client):
    """A profile that decrypts by the policy "ours", which names a category, and by the recommended one."""
    client.request("POST", "/signing-certificates", {"name": "signer", "subject": {"common_name": "Signer"}}).must(201)
    client.request("POST", "/client-proxies", {"name": "out", "signing_certificate": "signer", "detection_ports": ["443"]}).must(201)
    made = client.request("POST", "/decryption-policies", {"name": "ours", "categories": ["finance"]}).must(201)
    check("no package of categories is installed" in json.dumps(made.json["notices"]), f"{made.json}")
    client.request("POST", "/profiles", {"name": "all", "ssl_client_policies": [
        {"name": "a", "proxy": "out", "decryption_policy": "ours", "never_decrypt_sources": ["10.0.0.1"]},
    ]}).must(201)
    client.request("POST", "/virtual-segments", {"name": "all", "segment": "wan", "profile": "all"}).must(201)


def taken(client, box):
    """The device's next document, and its files by digest."""
    client.request("POST", "/distributions", {"devices": [box.name]}).must(201)
    before = len(box.said)
    document = box.take()
    return document, {hashlib.sha256(said).hexdigest(): said for said in box.said[before:]}


def file_of(files, path):
    folder, _, name = path.rpartition("/")
    check(folder == CAPABILITIES["files"] and name in files, f"{path} is no file that came: {list(files)}")
    return files[name]


def case_what_a_source_has_and_is_not_wanted(smsd, client):
    """Refused, it is fetched once, until a key more is believed; deleted, its source brings it no more,
    by hand it comes."""
    maker = begin(smsd, client)
    folder = maker.path("web")
    os.mkdir(folder)
    foreign, pem = maker.new_key("later")
    package = maker.make("categories", "passed.test,one\n", key=foreign)
    maker.publish(folder, package)
    path = "/" + os.path.basename(package)
    Quiet.asked.clear()
    with served(maker, folder) as (port, crt):
        source(client, "passed", f"https://127.0.0.1:{port}/", ca=crt)
        first = looked(client, "passed")["error"]
        check("not signed by a key that is trusted" in first, first)
        check(looked(client, "passed")["error"] == first, "the second look")
        check(Quiet.asked.count(path) == 1, f"{Quiet.asked}")
        client.request("POST", "/package-keys", {"name": "later", "pem": pem}).must(201)
        check("error" not in looked(client, "passed"), "a key more")
        check(Quiet.asked.count(path) == 2, f"{Quiet.asked}")
        (mine,) = [p for p in here(client, "categories") if p["source"] == "passed"]
        client.request("DELETE", f"/packages/{mine['id']}").must(204)
        check("error" not in looked(client, "passed"), "a deleted one is no fault")
        check(Quiet.asked.count(path) == 2, f"{Quiet.asked}")
        check(not [p for p in here(client, "categories") if p["sha256"] == mine["sha256"]], "it came back")
        bring(client, package).must(201)
        check([p for p in here(client, "categories") if p["sha256"] == mine["sha256"]], "not by hand either")
    etag = client.request("GET", "/package-sources/passed").must(200).headers["ETag"]
    made = {"address": "https://127.0.0.1:1/x", "name": "../passed"}
    client.request("PUT", "/package-sources/%2e%2e", made, headers={"If-Match": '"0"'}).must(400)
    client.request("DELETE", "/package-sources/passed", headers={"If-Match": etag}).must(204)


def case_devices_get_what_is_installed(fresh, client):
    """Categories as the signed package with its key, where a policy names them; CA certificates as PEM;
    the recommended decryption policy, until somebody makes an own one of its name."""
    fresh.start()
    maker = begin(fresh, client)
    objects(client)
    box = Box(fresh, "box")
    document, _ = taken(client, box)
    check(set(document["device"]) == {"name"}, f"{document['device']}")
    category = maker.make("categories", "bank.test,finance\n")
    cas = maker.make("ca-certificates", client.request(
        "POST", "/certificates/signer/export", {"format": "pem"}).must(200).bytes.decode())
    for path in (category, cas):
        done = client.request("POST", f"/packages/{bring(client, path).must(201).json['id']}/install").must(200)
        check(done.json["devices"] == [{"name": "box"}], f"{done.json}")
    document, files = taken(client, box)
    device = document["device"]
    check(file_of(files, device["category_package"]) == read(category), "another package")
    check(file_of(files, device["package_keys"][0]).decode() == maker.public, "another key")
    check(b"BEGIN CERTIFICATE" in file_of(files, device["default_ca_file"]), "no CA certificates")
    policy = maker.make("decryption-policy", "recommended.test\n")
    ident = bring(client, policy).must(201).json["id"]
    done = client.request("POST", f"/packages/{ident}/install").must(200).json
    check(done["package"]["overridden"] is False, f"{done}")
    etag = client.request("GET", "/profiles/all").must(200).headers["ETag"]
    client.request("PUT", "/profiles/all", {"name": "all", "ssl_client_policies": [
        {"name": "a", "proxy": "out", "decryption_policy": "Default"}]}, headers={"If-Match": etag}).must(200)
    document, _ = taken(client, box)
    check(document["decryption_policies"] == [{"name": "Default", "domains": ["recommended.test"]}],
          f"{document['decryption_policies']}")
    check("category_package" not in document["device"], "categories that nothing names")
    client.request("POST", "/decryption-policies", {"name": "Default", "domains": ["own.test"]}).must(201)
    check(client.request("GET", f"/packages/{ident}").must(200).json["overridden"], "nobody says so")
    document, _ = taken(client, box)
    check(document["decryption_policies"] == [{"name": "Default", "domains": ["own.test"]}],
          f"{document['decryption_policies']}")


def case_a_killed_smsd_has_installed_or_not(fresh, client):
    """kill -9 in the middle of imports and installs: after the next start there is one installed package
    of the kind, it is the history's newest, and all that is listed can be compared."""
    fresh.start()
    maker = begin(fresh, client)
    packages = [maker.make("categories", "".join(f"d{i}.n{k}.test,c{k}\n" for i in range(500)))
                for k in range(3)]
    for _ in range(2):
        worker = threading.Thread(target=churn, args=(fresh, client, packages))
        worker.start()
        time.sleep(0.5)
        fresh.kill()
        worker.join()
        fresh.start()
        listed = here(client, "categories")
        history = client.request("GET", "/package-history?kind=categories&limit=1").must(200).json["items"]
        installed = [p["id"] for p in listed if p["installed"]]
        check(installed == [h["package"] for h in history], f"{installed} {history}")
        for package in listed:
            client.request("GET", f"/packages/{package['id']}/diff").must(200)


def churn(smsd, like, packages):
    """Brings, installs and deletes, one after the other, for as long as there is an smsd."""
    client = Client(smsd, like.source)
    client.cookie, client.csrf = like.cookie, like.csrf
    with contextlib.suppress(Exception):
        while True:
            for path in packages:
                ident = bring(client, path).json["id"]
                client.request("POST", f"/packages/{ident}/install")
                for other in here(client, "categories"):
                    client.request("DELETE", f"/packages/{other['id']}")
