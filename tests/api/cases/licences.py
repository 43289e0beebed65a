# SPDX-License-Identifier: Apache-2.0
"""Licences (R36-R40): made by tmc, installed as packages, told to devices at once; what they say of
them is shown, and what of a distribution is not in effect."""

import hashlib
import json
import threading

from cases.certificates import Desk
from cases.commandline import Sms, fingerprint
from cases.distribution import begin as distribute
from cases.distribution import look, objects
from cases.packages import begin, bring, read
from cases.session import make_token
from lib.box import Box
from lib.smsd import check

NONE = "0" * 64


def licence(maker, version, *names):
    """A package that gives them SSL inspection: its path."""
    source, out = maker.path(f"licence{version}"), maker.path(f"licence{version}.pkg")
    with open(source, "w", encoding="utf-8") as to:
        json.dump({"devices": [{"name": n, "capabilities": {"ssl_inspection": {
            "from": "2026-01-01", "until": "2127-01-01"}}} for n in names]}, to)
    maker.made += 60
    maker.run("make", "licence", source, "--key", maker.key, "--output", out, "--version", version)
    return out


def states(inspection, categories="allowed"):
    """As a device tells them."""
    return [{"capability": c, "state": s, "source": "licence" if s == "allowed" else "none",
             "until": "", "text": f"so it is {s}"}
            for c, s in (("ssl_inspection", inspection), ("categories", categories))]


CORES = {"capability": "all_cores", "state": "reboot required", "source": "licence", "until": "",
         "text": "start it again"}


def tell(box, sha256, said, refused=""):
    box.must(204, "POST", "/status", {"licence": {"sha256": sha256, "refused": refused, "states": said}})


def shown(client, name, capability="ssl_inspection"):
    """Delivery, whether it is given, and what the device says of it."""
    found = {d["name"]: d for d in client.request("GET", "/licences").must(200).json["devices"]}[name]
    one = [c for c in found["capabilities"] if c["capability"] == capability][0]
    return found["delivery"], one["given"], one["state"]


def case_a_licence_is_every_devices_at_once(fresh, client):
    """The answer that is held comes with its digest, by which it is fetched; a device of before hears
    nothing of it; a killed smsd forgets nothing that was said."""
    fresh.start()
    maker = begin(fresh, client)
    box, old = Box(fresh, "box"), Box(fresh, "old")
    box.licence = NONE
    check(box.wanted()["licence"] == "", "there is none")
    check(shown(client, "box") == ("none", False, "unknown"), f"{shown(client, 'box')}")
    path = licence(maker, "1", "box")
    digest = hashlib.sha256(read(path)).hexdigest()
    ident = bring(client, path).must(201).json["id"]
    held = []
    waits = threading.Thread(target=lambda: held.append(box.wanted(50)))
    waits.start()
    client.request("POST", f"/packages/{ident}/install").must(200)
    waits.join(20)
    check(held and held[0]["licence"] == digest, f"the device was not told: {held}")
    check("licence" not in old.wanted(), "a row that the device did not name")
    for device in (box, old):
        status, content = device.call("GET", f"/file?sha256={digest}&offset=0")
        check(status == 200 and content == read(path), f"{device.name}: {status}, {len(content)} bytes")
    box.must(404, "GET", f"/file?sha256={'7' * 64}&offset=0")
    box.must(400, "GET", "/wanted?have=0&wait=0&licence=x")
    check(shown(client, "box") == ("waiting", True, "unknown"), f"{shown(client, 'box')}")
    tell(box, "", states("denied"), "it is not signed by the authority")
    check(shown(client, "box") == ("refused", True, "denied"), f"{shown(client, 'box')}")
    tell(box, digest, [*states("allowed"), CORES])
    tell(old, digest, states("denied"))
    fresh.kill()
    fresh.start()
    check(shown(client, "box") == ("taken", True, "allowed"), f"{shown(client, 'box')}")
    check(shown(client, "old") == ("taken", False, "denied"), f"{shown(client, 'old')}")
    cores = [shown(client, name, "all_cores") for name in ("box", "old")]
    check(cores == [("taken", False, "reboot required"), ("taken", False, "unknown")], f"{cores}")
    one = client.request("GET", "/devices/box").must(200).json
    check(one["ssl_inspection"] == "allowed" and len(one["licence"]) == 3, f"{one}")
    listed = {d["name"]: d for d in client.request("GET", "/devices").must(200).json["items"]}
    check(listed["old"]["ssl_inspection"] == "denied", f"{listed['old']}")
    client.request("POST", f"/packages/{ident}/uninstall").must(200)
    check(box.wanted()["licence"] == "", "it is uninstalled")
    token = make_token(fresh, client, "look", ["view_configuration"]).must(201).json["token"]
    with Sms(fresh) as sms:
        sms.env["SLUICE_TOKEN"] = token
        sms.options = ("--server", sms.server, "--pin", fingerprint(fresh))
        said = sms("licences")
        check("ssl_inspection" in said and "denied" in said and "so it is allowed" in said, said)
        check("reboot required" in said and "start it again" in said, said)


def case_what_is_not_in_effect_is_said(smsd, client):
    """A distribution names the device that may not decrypt, as long as it may not; so does a preview."""
    maker = begin(smsd, client)
    check(maker.public != "", "a key")
    with Desk() as desk:
        objects(client, desk, "dark")
    box = Box(smsd, "dark box")
    tell(box, "", states("denied"))
    ident = distribute(client, "dark box")
    told = [i["text"] for i in look(client, ident)[1]["dark box"]["items"]]
    check(told == ["SSL inspection is denied (so it is denied): what is distributed is laid down there "
                   "and not in effect"], f"{told}")
    preview = client.request("POST", "/distributions/preview", {"devices": ["dark box"]}).must(200).json
    check(any(i["notice"] and "SSL inspection is denied" in i["text"]
              for i in preview["devices"][0]["items"]), f"{preview}")
    tell(box, "", states("allowed", "denied"))
    check(look(client, ident)[1]["dark box"]["items"] == [], "it may, and has no categories in its document")
    for said in ({"states": [{"capability": "x"}]}, {"states": 7}, {"sha256": "z" * 65}):
        box.must(400, "POST", "/status", {"licence": said})
