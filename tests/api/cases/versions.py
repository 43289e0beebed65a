# SPDX-License-Identifier: Apache-2.0
"""Versions of the document between the management system and its devices (R162): each gets the one that
it reads, and one that none is made for is told so."""

import os

from cases.certificates import Desk
from cases.distribution import begin, look, objects, until_ended
from cases.session import enter
from lib.box import Box
from lib.smsd import Failure, check

NOW, NEXT = 1, 2
NOT_MADE = "the device reads documents of version {}; the management system makes {}"


def items_of(client, ident, name):
    row = look(client, ident)[1][name]
    check(row["state"] == "refused", f"{row}")
    return [(i["kind"], i["name"], i["pointer"], i["text"], i["remedy"]) for i in row["items"]]


def tell_version(box, version):
    """As after an update of the box."""
    box.must(204, "POST", "/status", {"capabilities": {**box.capabilities, "document_version": version}})


def proxy(on_overload):
    return {"name": "shop", "destinations": ["10.0.0.1"], "detection_ports": ["443"], "certificates": ["shop"],
            "on_overload": on_overload}


def put(client, body):
    seen = client.request("GET", "/server-proxies/shop").must(200).headers["ETag"]
    client.request("PUT", "/server-proxies/shop", body, {"If-Match": seen}).must(200)


def case_device_that_no_document_is_made_for_is_told_so(smsd, client):
    """One that was brought to a version that the management system does not know: its distribution and its
    preview say which of the two has to be brought up to date. A new one is not enrolled."""
    enter(smsd, client)
    box = Box(smsd, "ahead")
    tell_version(box, NEXT)
    text = NOT_MADE.format(NEXT, f"version {NOW}")
    wanted = [("device", "ahead", "/version", text, "bring the management system up to date first")]
    check(items_of(client, begin(client, "ahead"), "ahead") == wanted, "what is said")
    shown = client.request("POST", "/distributions/preview", {"devices": ["ahead"]}).must(200).json["devices"][0]
    check(shown["refused"] and [i["text"] for i in shown["items"]] == [text], f"{shown}")
    check(box.wanted()["revision"] == 0, "it is wanted all the same")
    tell_version(box, NOW)
    ident = begin(client, "ahead")
    check(box.take()["version"] == NOW, "of its version again")
    until_ended(client, ident)
    try:
        Box(smsd, "too new", document_version=NEXT)
    except Failure as err:
        check("/capabilities/document_version" in str(err) and text in str(err), f"{err}")
    else:
        check(False, "it was enrolled")


def case_management_system_of_the_next_version_has_devices_of_this_one(fresh, client):
    """smsd as it will be with two versions: a device of each gets its own document; what the older one does
    not know refuses its document alone, and names the object."""
    build = os.path.dirname(os.path.dirname(fresh.program))
    fresh.program = os.path.join(build, "tests/unit/smsd/smsd-next")
    fresh.start()
    enter(fresh, client)
    now, ahead = Box(fresh, "now"), Box(fresh, "ahead", document_version=NEXT)
    with Desk() as desk:
        objects(client, desk, "shop")
    put(client, proxy("bypass"))
    ident = begin(client, "now", "ahead")
    document, other = now.take(), ahead.take()
    until_ended(client, ident)
    check((document["version"], other["version"]) == (NOW, NEXT), f"{document} {other}")
    check("on_overload" not in document["ssl_server_proxies"][0], f"{document}")
    check(other["ssl_server_proxies"][0]["on_overload"] == "bypass", f"{other}")
    put(client, proxy("block"))
    preview = client.request("POST", "/distributions/preview", {"devices": ["now", "ahead"]}).must(200).json
    check({d["name"]: d["refused"] for d in preview["devices"]} == {"now": True, "ahead": False}, f"{preview}")
    ident = begin(client, "now", "ahead")
    check(items_of(client, ident, "now") == [
        ("server proxy", "shop", "/on_overload", f"on_overload came with version {NEXT} of the document, and the"
         f" device reads version {NOW}", "bring the device up to date, or leave it out")], "what is said")
    check(ahead.take()["ssl_server_proxies"][0]["on_overload"] == "block", "the newer one has it")
    until_ended(client, ident)
    tell_version(now, NEXT)
    ident = begin(client, "now")
    check(now.take()["version"] == NEXT, "brought up to date, it has it too")
    until_ended(client, ident)
    tell_version(now, NEXT + 1)
    check(items_of(client, begin(client, "now"), "now")[0][3] == NOT_MADE.format(
        NEXT + 1, f"versions {NOW} and {NEXT}"), "newer than the management system")
