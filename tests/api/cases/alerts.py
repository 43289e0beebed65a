# SPDX-License-Identifier: Apache-2.0
"""Alerts against a real smsd: raised at once by what a device says, once, over a death too, seen by
whoever has the device, cleared when it is over."""

from cases.commandline import Sms, fingerprint
from cases.events import EPOCH, call, found, line
from cases.people import change, make_person
from cases.session import enter, make_token
from lib.box import Box
from lib.smsd import check


def alerts(client, query=""):
    """[(name, about)], newest first."""
    items = client.request("GET", "/alerts" + query).must(200).json["items"]
    return [(a["name"], a["about"]["name"]) for a in items]


def told(client, words):
    """States of the events of alerts that have these words, in order."""
    events = found(client, f"&device=sms&kind=sms_alert&text={words}")
    return [event["sms_alert"]["state"] for event in reversed(events)]


def say_health(box, inspection):
    box.must(204, "POST", "/status", {"health": {"inspection": inspection}})


def case_what_a_device_says_is_an_alert_at_once(smsd, client):
    """Panic in its status, a server with another certificate in its events; each until it is over."""
    enter(smsd, client)
    box, other = Box(smsd, "box"), Box(smsd, "other")
    for _ in range(2):
        say_health(box, "panic")
        say_health(other, "on")
    check(alerts(client) == [("panic", "box")], f"{alerts(client)}")
    check(told(client, "panic") == ["raised"], f"{told(client, 'panic')}")
    message = "server mismatch: proxy web, name www.example.org: configured web serial 1"
    status, answer = call(other, "POST", f"/events?epoch={EPOCH}&first=0",
                          line("other", 0, kind="system", message=message).encode())
    check(status == 200, f"{status} {answer}")
    check(alerts(client) == [("out_of_sync", "other"), ("panic", "box")], f"{alerts(client)}")
    say_health(box, "on")
    check(alerts(client) == [("out_of_sync", "other")], f"{alerts(client)}")
    check(("panic", "box") in alerts(client, "?all=true"), "the history has it no more")
    check(told(client, "panic") == ["raised", "cleared"], f"{told(client, 'panic')}")
    ident = client.request("GET", "/alerts?limit=1").must(200).json["items"][0]["id"]
    shown = client.request("POST", f"/alerts/{ident}/acknowledge").must(200).json
    check(shown["acknowledged_by"] == "admin" and shown["state"] == "raised", f"{shown}")
    client.request("POST", f"/alerts/{ident}/acknowledge").must(409)
    client.request("POST", "/alerts/4711/acknowledge").must(404)
    client.request("GET", "/alerts?all=perhaps").must(400)


def case_who_has_one_device_sees_its_alerts(smsd, client):
    """And those of no other."""
    enter(smsd, client)
    boxes = [Box(smsd, name) for name in ("mine", "theirs")]
    for box in boxes:
        say_health(box, "fallback")
    client.request("POST", "/groups", {"name": "one", "devices": {"all": False, "items": ["mine"]}}).must(201)
    ina = make_person(smsd, client, "ina", "Operator")
    change(client, "/people/ina", {"groups": ["one"]})
    mine = [a for a in alerts(ina) if a[0] == "panic"]
    check(mine == [("panic", "mine")], f"{mine}")
    ident = next(a["id"] for a in client.request("GET", "/alerts").json["items"] if a["about"]["name"] == "theirs")
    ina.request("POST", f"/alerts/{ident}/acknowledge").must(404)


def case_death_raises_none_again(fresh, client):
    """What was open is open, what was told is told once; `sms alerts` lists it."""
    fresh.start()
    enter(fresh, client)
    box = Box(fresh, "box")
    say_health(box, "panic")
    fresh.kill()
    fresh.start()
    say_health(box, "panic")
    check(alerts(client) == [("panic", "box")], f"{alerts(client)}")
    check(told(client, "panic") == ["raised"], f"{told(client, 'panic')}")
    with Sms(fresh) as sms:
        sms.env["SLUICE_TOKEN"] = make_token(fresh, client, "t", ["events"]).must(201).json["token"]
        shown = sms("--server", sms.server, "--pin", fingerprint(fresh), "alerts")
        check("panic" in shown and "box inspects nothing" in shown, shown)
