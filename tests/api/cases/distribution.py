# SPDX-License-Identifier: Apache-2.0
"""Distributions to devices, each against a real smsd with devices that speak to its port: what is
wanted, what they may fetch, what became of it, and what a death in the middle leaves."""

import threading
import time

from cases.certificates import Desk, bring
from cases.commandline import OK, REFUSED, Sms, fingerprint
from cases.integrity import secret_forms
from cases.session import enter, make_token
from lib.box import Box
from lib.smsd import check

WAIT_S = 60


def objects(client, desk, name, segment="wan"):
    """A certificate with its key, and all that makes it part of a device's document."""
    desk.leaf(name)
    bring(client, desk, name, f"{name}.pem", "root.pem", f"{name}.key").must(201)
    client.request("POST", "/server-proxies", {
        "name": name, "destinations": ["10.0.0.1"], "detection_ports": ["443"],
        "certificates": [name]}).must(201)
    client.request("POST", "/profiles", {"name": name, "ssl_server_policies": [
        {"name": name, "proxy": name}]}).must(201)
    client.request("POST", "/virtual-segments", {
        "name": name, "segment": segment, "profile": name}).must(201)
    return client.request("GET", f"/certificates/{name}").must(200).json["key"]["id"]


def begin(client, *devices, **how):
    body = {"devices": list(devices), **how} if devices else {"all": True, **how}
    return client.request("POST", "/distributions", body).must(201).json["id"]


def look(client, ident):
    shown = client.request("GET", f"/distributions/{ident}").must(200).json
    return shown, {d["name"]: d for d in shown["devices"]}


def until(client, ident, name, state):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        row = look(client, ident)[1][name]
        if row["state"] == state:
            return row
        time.sleep(0.1)
    check(False, f"{name} is {row['state']} and not {state}: {row}")
    return None


def until_ended(client, ident):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        shown, rows = look(client, ident)
        if shown["state"] == "ended":
            return rows
        time.sleep(0.1)
    check(False, f"distribution {ident} does not end: {shown}")
    return None


def news(box, revision):
    """What is wanted of it, which must be this revision."""
    wanted = box.news()
    check(wanted["revision"] == revision, f"{box.name}: {wanted}, not revision {revision}")
    return wanted


def case_three_devices_one_good_one_refuses_one_returns(smsd, client):
    """Statuses are exact: the good one is confirmed, the second one's item names the object, the third
    gets it, the newest alone, when it returns."""
    enter(smsd, client)
    good, bad, away = (Box(smsd, n) for n in ("good", "bad", "away"))
    with Desk() as desk:
        key = objects(client, desk, "shop")
    first = begin(client, "good", "bad", "away")
    held = []
    waits = threading.Thread(target=lambda: held.append(good.wanted(50)))
    waits.start()
    document = good.take()
    waits.join(WAIT_S)
    check(held and held[0]["revision"] == 1, f"{held}")
    check("shop" in [p["name"] for p in document.get("ssl_server_proxies", [])], f"{document}")
    check(document["device"]["name"] == "good", f"{document}")
    wanted = news(bad, 1)
    at = [p["name"] for p in bad.fetch(wanted)["ssl_server_proxies"]].index("shop")
    bad.say(1, "refused", items=[{"pointer": f"/ssl_server_proxies/{at}/detection_ports/0",
                                  "text": "is taken"}, {"pointer": "/limits", "text": "too much"}])
    rows = look(client, first)[1]
    check([rows[n]["state"] for n in ("good", "bad", "away")] == ["confirmed", "refused", "waiting"],
          f"{rows}")
    items = rows["bad"]["items"]
    check([(i["kind"], i["name"], i["pointer"]) for i in items] ==
          [("server proxy", "shop", "/detection_ports/0"), ("device", "bad", "/limits")], f"{items}")
    second = begin(client, "good", "away")
    check(until_ended(client, first)["away"]["state"] == "superseded", "the newest only")
    check(away.take()["device"]["name"] == "away" and away.have == 2, "what it gets")
    good.take()
    check(all(r["state"] == "confirmed" for r in until_ended(client, second).values()), "both")
    again = client.request("POST", f"/distributions/{first}/retry").must(201).json
    check([d["name"] for d in again["devices"]] == ["bad"], f"{again}")
    bad.take()
    until_ended(client, again["id"])
    sealed = good.keys(key)[0]
    check(sealed["sealed"], f"{sealed}")
    client.request("POST", "/distributions", {}).must(400)
    client.request("POST", "/distributions", {"devices": ["nobody"]}).must(404)
    client.request("GET", "/distributions/999").must(404)
    listed = client.request("GET", "/distributions?limit=2").must(200).json["items"]
    check([i["id"] for i in listed] == [again["id"], second], f"{listed}")


def case_death_in_the_middle_leaves_nothing_half_and_nothing_twice(fresh, client):
    """kill -9 of smsd behind every step: the next start goes on from there, by the same revision."""
    fresh.start()
    enter(fresh, client)
    box, away = Box(fresh, "box"), Box(fresh, "away")
    with Desk() as desk:
        objects(client, desk, "shop")
    ident = begin(client)

    def die():
        fresh.kill()
        fresh.start()

    die()
    wanted = news(box, 1)
    die()
    check(box.wanted() == wanted, "another revision is wanted")
    box.fetch(wanted)
    for state in ("fetched", "in force", "confirmed"):
        box.say(1, state, wanted["sha256"] if state != "fetched" else "")
        die()
        check(look(client, ident)[1]["box"]["state"] == state, f"behind {state}")
        box.say(1, "fetched")
        check(look(client, ident)[1]["box"]["state"] == state, f"{state} and back")
    check(box.wanted()["revision"] == 1, "a revision more")
    news(away, 1)
    away.take()
    rows = until_ended(client, ident)
    check([r["revision"] for r in rows.values()] == [1, 1], f"{rows}")
    check(len(client.request("GET", "/distributions").must(200).json["items"]) == 1, "one distribution")


def case_another_document_in_force_is_not_believed(smsd, client):
    """A device that says it is there with another digest stays where it was, and its row says so."""
    enter(smsd, client)
    box = Box(smsd, "wrong")
    ident = begin(client, "wrong")
    news(box, 1)
    box.say(1, "confirmed", "00" * 32)
    row = look(client, ident)[1]["wrong"]
    check(row["state"] == "offered" and "another document" in row["text"], f"{row}")
    status, _ = box.call("POST", "/status", {"revision": 1, "state": "confirmed", "sha256": "zz" * 32})
    check(status == 400, f"{status}")
    box.take()
    until_ended(client, ident)


def case_keys_are_for_devices_whose_documents_name_them(fresh, client):
    """Another device's key, a key of nobody and what is no id are refused one by one; no answer, no log
    and no database has the key."""
    fresh.start()
    enter(fresh, client)
    has = Box(fresh, "has")
    other = Box(fresh, "other", {"segments": [{"name": "lan", "port_a": "e0", "port_b": "e1"}]})
    with Desk() as desk:
        key = objects(client, desk, "shop")
        number, line = secret_forms(desk.bytes("shop.key"))
    fresh.keep_secret(line)
    begin(client)
    check(other.keys(key)[0]["refused"], "before it has anything")
    has.take()
    check("ssl_server_proxies" not in other.take(), "it has no such segment")
    wrong = other.keys(key, "00" * 32)
    check(all(k.get("refused") for k in wrong), f"{wrong}")
    other.must(400, "POST", "/keys", b"../vault.key")
    right = has.keys("00" * 32, key)
    check("refused" in right[0] and "sealed" in right[1], f"{right}")
    check(has.keys(key)[0]["sealed"] != right[1]["sealed"], "the same seal twice")
    audit = client.request("GET", "/audit?limit=50").must(200).json["items"]
    used = [a for a in audit if a["kind"] == "private key" and a["action"] == "device keys"]
    check([(a["who"], a["name"], a["after"]) for a in used] == [("has", "has", {"keys": [key]})] * 2, f"{used}")
    for said in (*has.said, *other.said):
        check(number not in said and line.encode() not in said, "the key is in an answer")
    check(fresh.stop() == 0, "the end")
    fresh.must_not_hold(number, line.encode())
    check(number.hex() not in fresh.log(), "the key is in the log")


def case_staged_and_cancelled(smsd, client):
    """The others wait for the first; one that reverts ends it. What is cancelled is not told."""
    enter(smsd, client)
    one, two = Box(smsd, "one"), Box(smsd, "two")
    ident = begin(client, "one", "two", staged=True)
    news(one, 1)
    check(two.wanted()["revision"] == 0, "it is not its turn")
    one.say(1, "reverted", text="handshake failures")
    rows = until_ended(client, ident)
    check(rows["one"]["state"] == "reverted" and rows["two"]["state"] == "waiting"
          and "reverted" in rows["two"]["text"], f"{rows}")
    again = client.request("POST", f"/distributions/{ident}/retry").must(201).json["id"]
    news(one, 2)
    one.take()
    news(two, 2)
    client.request("POST", f"/distributions/{again}/cancel").must(200)
    two.take()
    until_ended(client, again)
    last = begin(client, "two")
    until(client, last, "two", "waiting")
    client.request("POST", f"/distributions/{last}/cancel").must(200)
    check(two.wanted()["revision"] == 2, "what it was told last")
    rows = until_ended(client, last)
    check(rows["two"]["text"] == "cancelled by admin", f"{rows}")
    client.request("POST", f"/distributions/{last}/cancel").must(409)


def case_a_preview_says_what_would_change(smsd, client):
    """And does nothing: no distribution, no revision."""
    enter(smsd, client)
    box = Box(smsd, "looked", {"segments": [{"name": "seen", "port_a": "e0", "port_b": "e1"}]})
    with Desk() as desk:
        objects(client, desk, "seen", "seen")
    before = client.request("GET", "/distributions").must(200).json["items"]
    preview = client.request("POST", "/distributions/preview", {"devices": ["looked"]}).must(200).json
    device = preview["devices"][0]
    check(device["name"] == "looked" and device["changes"] and not device["refused"], f"{preview}")
    check(client.request("GET", "/distributions").must(200).json["items"] == before, "one was begun")
    check(box.wanted()["revision"] == 0, "something is wanted")
    ident = begin(client, "looked")
    box.take()
    until_ended(client, ident)
    holders = client.request("POST", "/distributions/preview", {"certificate": "seen"}).must(200).json
    check([d["name"] for d in holders["devices"]] == ["looked"], f"{holders}")


def case_the_command_line_watches_to_the_end(smsd, client):
    """A line a step, and an exit status that says whether a device refused."""
    enter(smsd, client)
    token = make_token(smsd, client, "watch", ["distribute", "view_configuration"]).must(201).json["token"]
    left, right = Box(smsd, "left"), Box(smsd, "right")
    with Sms(smsd) as sms:
        sms.env["SLUICE_TOKEN"] = token
        where = ("--server", sms.server, "--pin", fingerprint(smsd))

        def run(*words, status=OK):
            return sms(*where, *words, status=status)

        check("left: " in run("distribute", "left,right", "--preview"), "the preview")

        def behave():
            left.take()
            right.say(news(right, 1)["revision"], "refused", text="no room")

        devices = threading.Thread(target=behave)
        devices.start()
        said = run("distribute", "left,right", "--watch", status=REFUSED)
        devices.join(WAIT_S)
        check("left: confirmed" in said and "right: refused (no room)" in said, said)
        ident = said.split()[1]
        check("no room" in run("distribution", "show", ident, status=REFUSED), "shown again")
        right.have = 1
        again = threading.Thread(target=right.take)
        again.start()
        said = run("distribution", "retry", ident, "--watch")
        again.join(WAIT_S)
        check("right: confirmed" in said and "left" not in said, said)
        run("distribution", "cancel", ident, status=REFUSED)
        check(ident in run("distribution", "list"), "the list")


def until_need(client, name, need):
    """The device as it is shown, once it needs a distribution or not."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        shown = client.request("GET", f"/devices/{name}").must(200).json
        if shown["needs_distribution"] == need:
            return shown
        time.sleep(0.2)
    check(False, f"{name}: {shown['needs_distribution']}, not {need}")
    return None


def case_which_devices_need_a_distribution(fresh, client):
    """Said without a preview: none that was never told what it has, until the objects make another
    document than the one in force, and no more once that is in force."""
    fresh.start()
    enter(fresh, client)
    client.request("POST", "/devices", {"name": "new"}).must(201)
    check(client.request("GET", "/devices/new").must(200).json["needs_distribution"] == "unknown", "new")
    box = Box(fresh, "box")
    with Desk() as desk:
        objects(client, desk, "shop")
        since = until_need(client, "box", "yes")["needs_since"]
        begin(client, "box")
        box.take()
        until_need(client, "box", "no")
        fresh.kill()
        fresh.start()
        check("needs_since" not in until_need(client, "box", "no"), "since when")
        objects(client, desk, "other", segment="lan")  # of a segment that this device has not
        until_need(client, "box", "no")
    etag = client.request("GET", "/server-proxies/shop").must(200).headers["ETag"]
    client.request("PUT", "/server-proxies/shop", {
        "name": "shop", "destinations": ["10.0.0.2"], "detection_ports": ["443"],
        "certificates": ["shop"]}, {"If-Match": etag}).must(200)
    check(until_need(client, "box", "yes")["needs_since"] >= since, "since when")
    listed = {d["name"]: d for d in client.request("GET", "/devices").must(200).json["items"]}
    check(listed["box"]["needs_distribution"] == "yes" and listed["new"]["needs_distribution"] == "unknown",
          f"{listed}")
    token = make_token(fresh, client, "give", ["distribute", "view_configuration"]).must(201).json["token"]
    with Sms(fresh) as sms:
        sms.env["SLUICE_TOKEN"] = token
        sms.options = ("--server", sms.server, "--pin", fingerprint(fresh))
        sms("distribute", "box")
        check("nothing to do" not in sms.said, sms.said)
        box.take()
        until_need(client, "box", "no")
        sms("distribute", "box")
        check("nothing to do for 1 of 1 devices" in sms.said, sms.said)
