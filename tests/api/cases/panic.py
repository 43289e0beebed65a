# SPDX-License-Identifier: Apache-2.0
"""Panic mode of devices from the management system (R157): a device that is connected hears of it at
once and without a distribution, one that is away when it returns; who may ask, of which devices."""

import threading

from cases.commandline import Sms, fingerprint
from cases.people import change, delete, make_person
from cases.session import enter, make_token
from lib.box import Box
from lib.smsd import check

WAIT_S = 60


def shown(client, name):
    """Its state, and the steps that are asked of it."""
    found = [d for d in client.request("GET", "/panic").must(200).json["devices"] if d["name"] == name]
    return (found[0]["state"], [s["step"] for s in found[0]["steps"]]) if found else None


def steps(box):
    """What the device is told, by number and steps."""
    panic = box.wanted()["panic"]
    return panic["number"], [s["step"] for s in panic["steps"]]


def case_it_is_there_at_once_and_survives(fresh, client):
    """The answer that is held for a device comes with it; another device hears nothing; what is asked,
    on and cleared is shown; a killed smsd forgets none of it."""
    fresh.start()
    enter(fresh, client)
    box, other, old = (Box(fresh, n) for n in ("box", "other", "old"))
    box.panic = other.panic = 0
    held = []
    waits = threading.Thread(target=lambda: held.append(box.wanted(50)))
    waits.start()
    asked = client.request("POST", "/panic", {"devices": ["box", "old"], "step": "stop", "minutes": 60,
                                              "comment": "slow"}).must(200).json
    waits.join(20)
    check(held and held[0]["panic"]["number"] == 1, f"the device was not told: {held}")
    step = held[0]["panic"]["steps"][0]
    check(step["step"] == 2 and step["id"] == asked["id"] and 0 < step["left_ms"] <= 3600000, f"{step}")
    check(held[0]["revision"] == 0, "a distribution")
    check(steps(other) == (0, []), "another device")
    check("panic" not in old.wanted(), "a row that the device did not name")
    check(shown(client, "box") == ("asked", ["stop"]), f"{shown(client, 'box')}")
    box.must(204, "POST", "/status", {"panic": 1})
    check(shown(client, "box") == ("on", ["stop"]), f"{shown(client, 'box')}")
    fresh.kill()
    fresh.start()
    check(shown(client, "box") == ("on", ["stop"]), "behind a kill")
    box.panic = 1
    client.request("POST", "/panic", {"step": "except", "client": "10.0.0.7"}).must(200)
    check(steps(box) == (2, [2, 1]) and steps(other) == (1, [1]), "all that are enrolled")
    device = client.request("GET", "/devices/box").must(200).json
    check((device["panic"], device["panic_state"]) == ("stop", "asked"), f"{device}")
    listed = {d["name"]: d for d in client.request("GET", "/devices").must(200).json["items"]}
    check(listed["other"]["panic"] == "except" and listed["box"]["panic"] == "stop", f"{listed}")
    client.request("POST", "/panic/clear", {"id": asked["id"]}).must(200)
    check(steps(box) == (3, [1]) and steps(other) == (1, [1]), "one order cleared")
    client.request("POST", "/panic/clear", {}).must(200)
    box.must(204, "POST", "/status", {"panic": 4})
    check(shown(client, "box") == ("cleared", []) and steps(box) == (4, []), "all cleared")
    client.request("POST", "/panic/clear", {}).must(404)


def case_bodies_that_ask_for_nothing(smsd, client):
    """Each is refused at its place, and no device is told."""
    enter(smsd, client)
    box = Box(smsd, "quiet")
    box.panic = 0
    for body, status in (({}, 400), ({"step": "fly"}, 400), ({"step": "except"}, 400),
                         ({"step": "stop", "client": "10.0.0.7"}, 400), ({"step": "stop", "devices": []}, 400),
                         ({"step": "except", "client": "10.0.0.7", "domain": "a.test"}, 400),
                         ({"step": "except", "server": "a.test"}, 400), ({"step": "stop", "minutes": 0}, 400),
                         ({"step": "stop", "devices": ["nobody"]}, 404)):
        client.request("POST", "/panic", body).must(status)
    client.request("POST", "/panic/clear", {"devices": ["nobody"]}).must(404)
    check(steps(box) == (0, []), "it was told something")


def case_who_may_and_of_which(smsd, client):
    """The capability of its own, and only devices that one's groups give."""
    enter(smsd, client)
    for name in ("mine", "theirs"):
        Box(smsd, name)
    client.request("POST", "/groups", {"name": "west", "devices": {"all": False, "items": ["mine"]}}).must(201)
    olga = make_person(smsd, client, "olga", "SSL Inspection Management")
    change(client, "/people/olga", {"groups": ["west"]})
    olga.request("POST", "/panic", {"step": "stop", "devices": ["theirs"]}).must(404)
    olga.request("POST", "/panic", {"step": "stop", "devices": ["mine", "theirs"]}).must(404)
    olga.request("POST", "/panic", {"step": "stop"}).must(403)
    said = olga.request("POST", "/panic", {"step": "fallback", "devices": ["mine"]}).must(200).json
    check([d["name"] for d in said["devices"]] == ["mine"], f"{said}")
    client.request("POST", "/panic", {"step": "stop", "devices": ["theirs"]}).must(200)
    seen = olga.request("GET", "/panic").must(200).json["devices"]
    check([d["name"] for d in seen] == ["mine"], f"{seen}")
    olga.request("POST", "/panic/clear", {}).must(403)
    olga.request("POST", "/panic/clear", {"devices": ["theirs"]}).must(404)
    olga.request("POST", "/panic/clear", {"devices": ["mine"]}).must(200)
    change(client, "/people/olga", {"role": "Observer"})
    olga.request("POST", "/panic", {"step": "stop", "devices": ["mine"]}).must(403)
    olga.request("GET", "/panic").must(200)
    check(shown(client, "theirs") == ("asked", ["stop"]), "theirs")
    delete(client, "/people/olga")
    delete(client, "/groups/west")


def case_by_the_command_line(smsd, client):
    """Step 3 asks before it does anything; what is shown names device, step and state."""
    enter(smsd, client)
    Box(smsd, "hall")
    token = make_token(smsd, client, "alarm", ["panic"]).must(201).json["token"]
    with Sms(smsd) as sms:
        sms.env["SLUICE_TOKEN"] = token
        sms.options = ("--server", sms.server, "--pin", fingerprint(smsd))
        sms("panic", "fallback", "hall", status=2)
        check("--yes" in sms.said and shown(client, "hall") is None, "asked for without a yes")
        sms("panic", "stop", status=2)
        check("--all" in sms.said, sms.said)
        sms("panic", "fallback", "hall", "--yes", "--minutes", "5")
        sms("panic", "except", "domain", "bank.test", "hall", "--comment", "calls")
        check(shown(client, "hall") == ("asked", ["fallback", "except"]), f"{shown(client, 'hall')}")
        said = sms("panic", "show", "hall")
        check("bank.test" in said and "fallback" in said and "asked" in said, said)
        check("fallback" in sms("device", "list"), "the list of devices")
        ident = sms.record("panic", "show")["devices"]
        ident = [d for d in ident if d["name"] == "hall"][0]["steps"][0]["id"]
        sms("panic", "clear", "hall", "--id", str(ident))
        check(shown(client, "hall") == ("asked", ["except"]), "one of them")
        sms("panic", "clear", "hall")
        sms("panic", "clear", "hall", status=1)
