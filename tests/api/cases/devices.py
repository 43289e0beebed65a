# SPDX-License-Identifier: Apache-2.0
"""Devices: made, enrolled by a token once, renewed, revoked; what their port takes."""

import concurrent.futures
import http.client
import os
import ssl
import subprocess
import time

from cases.session import enter
from lib.device import REVOKED, Device, enrolled, openssl, pin_of, token_parts
from lib.smsd import Client, check


def make(smsd, client, name):
    """Its token, whose secret nothing may ever say again."""
    answer = enter(smsd, client).request("POST", "/devices", {"name": name, "comment": "a box"})
    token = answer.must(201).json["token"]
    check(answer.json["port"] == smsd.devices_port, answer.json)
    smsd.keep_secret(token)
    smsd.keep_secret(token.split(".")[2])
    return token


def shown(client, name):
    return client.request("GET", f"/devices/{name}").must(200).json


def audited(client, action, name):
    rows = client.request("GET", "/audit?limit=1000").must(200).json["items"]
    return [r for r in rows if r["action"] == action and r["name"] == name]


def case_token_enrols_once(smsd, client):
    """The certificate is of the device CA that the token names, for the device that it is of."""
    token = make(smsd, client, "north")
    check(shown(client, "north")["state"] == "new", "its state")
    with Device(smsd) as device:
        answer = device.enrol(token).must(200)
        check(answer.json["name"] == "north", answer.json)
        check(pin_of(answer.json["ca"]) == token_parts(token)[2], "the CA's key is not the pin's")
        said = openssl("x509", "-noout", "-subject", "-ext", "extendedKeyUsage",
                       text=answer.json["certificate"].encode()).decode()
        check("CN = north" in said and "TLS Web Client" in said and "Server" not in said, said)
        seen = shown(client, "north")
        check(seen["state"] == "enrolled" and seen["online"] and seen["version"] == "0.1.0", seen)
        again = device.enrol(token, key=device.new_key())
        check(again.must(403).json["type"] == "urn:sluice:refused", again.json)
    smsd.must_not_hold(token.encode(), token_parts(token)[1])
    row = audited(client, "enrol", "north")
    check(len(row) == 1 and row[0]["via"] == "device" and row[0]["from"] == "127.0.2.1", row)
    check(len(audited(client, "enrol refused", "")) >= 1, "the refused one is in no log")


def case_of_two_who_redeem_a_token_one_is_enrolled(smsd, client):
    """At the same moment: one certificate counts, the other was never given."""
    token = make(smsd, client, "race")
    devices = [Device(smsd, f"127.0.2.{10 + i}") for i in range(4)]
    with concurrent.futures.ThreadPoolExecutor(len(devices)) as pool:
        answers = list(pool.map(lambda d: d.enrol(token), devices))
    check(sorted(a.status for a in answers) == [200, 403, 403, 403], [a.status for a in answers])
    for device in devices:
        device.close()


def guess_until_told_to_wait(device, wrong):
    """A minute may end in between, and the count with it."""
    for tried in range(1, 22):
        answer = device.enrol(wrong)
        if answer.status == 429:
            check(tried > 10 and int(answer.headers["Retry-After"]) > 0, f"after {tried} tries")
            return
        check(answer.status == 403, f"{tried}: {answer.status}")
    check(False, "one may guess without end")


def case_wrong_tokens_are_few(smsd, client):
    """Ten a minute from an address; then 429, for the right one as well. Others go on."""
    token = make(smsd, client, "guess")
    parts = token.split(".")
    wrong = ".".join([*parts[:2], "A" * len(parts[2]), parts[3]])
    with Device(smsd, "127.0.2.20") as guesser, Device(smsd, "127.0.2.21") as other:
        for _ in range(3):
            guess_until_told_to_wait(guesser, wrong)
            if guesser.enrol(token).status == 429:
                break
            token = client.request("POST", "/devices/guess/token").must(201).json["token"]
        else:
            check(False, "the right token is taken from who guessed")
        other.enrol(token).must(200)


def case_a_new_token_ends_the_one_before(smsd, client):
    """And the certificate, once it was redeemed."""
    first = make(smsd, client, "again")
    second = client.request("POST", "/devices/again/token").must(201).json["token"]
    with Device(smsd, "127.0.2.30") as device, Device(smsd, "127.0.2.31") as successor:
        device.enrol(first).must(403)
        device.enrol(second).must(200)
        third = client.request("POST", "/devices/again/token").must(201).json["token"]
        check(device.renew()[0].status == 200, "it is enrolled until then")
        successor.enrol(third).must(200)
        check(device.renew()[0].must(403).json["type"] == REVOKED, "its certificate still counts")


def case_renewal_ends_the_old_certificate_when_the_new_one_is_used(smsd, client):
    """Both count in between, so that nothing is lost on the way."""
    enter(smsd, client)
    with enrolled(smsd, client, "renews", "127.0.2.40") as device:
        answer, certificate, key = device.renew()
        answer.must(200)
        check(device.renew()[0].status == 200, "the old one has to count still")
        same = device.post("/renew", {"request": device.request_of(device.key)})
        check(same.must(400).json["errors"][0]["pointer"] == "/request", same.json)
        answer, certificate, key = device.renew()
        body = {"request": device.request_of(device.new_key())}
        device.post("/renew", body, certificate=certificate, key=key).must(200)
        check(device.renew()[0].must(403).json["type"] == REVOKED, "the old one counts still")


def case_revoked_is_told_and_stays(smsd, client):
    """403 with the type that makes a device forget its keys; the key never gets a certificate again."""
    enter(smsd, client)
    with enrolled(smsd, client, "leaves", "127.0.2.50") as device:
        client.request("POST", "/devices/leaves/revoke").must(204)
        check(device.renew()[0].must(403).json["type"] == REVOKED, "it is not told")
        check(not shown(client, "leaves")["online"], "it is online")
        token = client.request("POST", "/devices/leaves/token").must(201).json["token"]
        device.enrol(token).must(400)
        device.enrol(token, key=device.new_key()).must(200)
        client.request("DELETE", "/devices/leaves").must(409)
        client.request("POST", "/devices/leaves/revoke").must(204)
        client.request("DELETE", "/devices/leaves").must(204)
        client.request("GET", "/devices/leaves").must(404)
        check(device.renew()[0].must(403).json["type"] == REVOKED, "it counts for something")


def refused_in_tls(device, certificate, key):
    try:
        device.call("POST", "/renew", {"request": ""}, certificate=certificate, key=key)
        return False
    except (ssl.SSLError, OSError):
        return True


def case_foreign_certificates_are_refused_in_the_handshake(smsd, client):
    """Of another CA, of themselves, and the port's own, which is no client's."""
    enter(smsd, client)
    with enrolled(smsd, client, "local", "127.0.2.60") as device:
        ca_key, leaf_key = device.new_key(), device.new_key()
        ca = device.path("ca.pem")
        openssl("req", "-x509", "-new", "-key", ca_key, "-subj", "/CN=Sluice device CA", "-days", "2",
                "-out", ca)
        request = device.write("leaf.req", device.request_of(leaf_key))
        leaf = device.path("leaf.pem")
        openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-days", "2", "-out", leaf)
        check(refused_in_tls(device, leaf, leaf_key), "a certificate of another CA is taken")
        check(refused_in_tls(device, ca, ca_key), "a self-signed certificate is taken")
        check(device.renew()[0].status == 200, "its own one is not taken")


def case_without_a_certificate_only_enrolment_is_served(smsd, client):
    """Every other call is 403, and not of the type that takes keys away."""
    token = make(smsd, client, "bare")
    with Device(smsd, "127.0.2.70") as device:
        device.pin = token_parts(token)[2]
        device.find_ca()
        for method, path in (("POST", "/renew"), ("GET", "/wanted?have=0&wait=0"),
                             ("GET", "/document?revision=1"), ("GET", "/files?revision=1"),
                             ("GET", "/file?sha256=a&offset=0"), ("POST", "/keys"),
                             ("POST", "/status")):
            answer = device.call(method, path, {} if method == "POST" else None)
            check(answer.must(403).json["type"] == "urn:sluice:perm", f"{path}: {answer.json}")


def case_port_takes_what_its_tables_say(smsd, client):
    """Paths, methods, parameters and bodies of lib/remote; nothing of the API is served here."""
    enter(smsd, client)
    with enrolled(smsd, client, "tables", "127.0.2.80") as device:
        device.get("/nothing").must(404)
        check(device.get("/renew").must(405).headers["Allow"] == "POST", "which method")
        device.post("/renew?x=1", {"request": "x"}).must(400)
        device.post("/renew", {"request": "x", "more": 1}).must(400)
        device.post("/renew", {}).must(400)
        device.call("POST", "/renew", raw=b"{}").must(415)
        device.post("/renew", {"request": "x" * 200000}).must(413)
        device.call("GET", "/wanted?have=x&wait=0").must(400)
        device.smsd.must_not_hold(b"counts for nothing")
    with Client(smsd, "127.0.2.81").connected() as ask:
        check(ask("POST", "/device/v1/renew").status == 404, "the API's port has devices' calls")


def case_devices_are_listed_and_changed(smsd, client):
    """By name in pages; a change is of the revision that was seen, and an audit row."""
    for name in ("list a", "list b", "list c"):
        make(smsd, client, name)
    page = client.request("GET", "/devices?limit=2&after=list").must(200).json
    check([d["name"] for d in page["items"]] == ["list a", "list b"], page)
    rest = client.request("GET", "/devices?after=" + page["next"].replace(" ", "%20")).must(200).json
    check(rest["items"][0]["name"] == "list c", rest)
    client.request("POST", "/devices", {"name": "list a"}).must(409)
    client.request("POST", "/devices", {"name": "a/b"}).must(400)
    etag = client.request("GET", "/devices/list%20a").must(200).headers["ETag"]
    client.request("PATCH", "/devices/list%20a", {"comment": "hall 3"}).must(428)
    changed = client.request("PATCH", "/devices/list%20a", {"comment": "hall 3"}, {"If-Match": etag})
    check(changed.must(200).json["comment"] == "hall 3", changed.json)
    client.request("PATCH", "/devices/list%20a", {"comment": "x"}, {"If-Match": etag}).must(412)
    row = audited(client, "change", "list a")
    check(len(row) == 1 and row[0]["after"]["comment"] == "hall 3", row)


def case_killed_smsd_has_all_or_nothing_of_an_enrolment(fresh, client):
    """kill -9 while devices enrol: whoever has a certificate is enrolled, every other token is good."""
    fresh.start()
    enter(fresh, client)
    tokens = [make(fresh, client, f"box-{i}") for i in range(4)]
    devices = [Device(fresh, f"127.0.2.{100 + i}") for i in range(4)]
    for device, token in zip(devices, tokens):
        device.pin = token_parts(token)[2]
        device.find_ca()

    def enrol(device, token):
        try:
            return device.enrol(token).status
        except (OSError, http.client.HTTPException, subprocess.SubprocessError):
            return None

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        under_way = [pool.submit(enrol, d, t) for d, t in zip(devices, tokens)]
        concurrent.futures.wait(under_way, return_when=concurrent.futures.FIRST_COMPLETED)
        fresh.kill()
        statuses = [future.result() for future in under_way]
    fresh.start()
    enter(fresh, client)
    for number, (device, token, status) in enumerate(zip(devices, tokens, statuses)):
        state = shown(client, f"box-{number}")["state"]
        if status == 200:
            check(state == "enrolled" and device.renew()[0].status == 200, f"box {number} is lost")
        elif state == "new":
            check(device.enrol(token).status == 200, f"box {number}: its token is lost")
        else:  # it was written, and the answer never came
            device.enrol(token).must(403)
        device.close()
    check(any(s == 200 for s in statuses), f"nobody was enrolled before: {statuses}")


def case_sigterm_ends_at_once(fresh, client):
    """A connection of a device that waits holds nobody up; what is asked is answered."""
    fresh.start()
    enter(fresh, client)
    with enrolled(fresh, client, "waits", "127.0.2.90") as device:
        idle = device.connect(device.certificate, device.key)
        began = time.monotonic()
        check(fresh.stop() == 0, "the end")
        check(time.monotonic() - began < 30, "it took long")
        idle.close()
    check(os.path.isdir(fresh.data), "its data")
