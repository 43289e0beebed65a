# SPDX-License-Identifier: Apache-2.0
"""Objects that become settings: made, looked at, changed and refused as a person does it."""

import zlib

from cases.certificates import Desk, bring
from cases.session import bearer, enter, make_token
from lib.smsd import check

KINDS = {"trust-stores": "client_proxies", "server-proxies": "server_proxies",
         "client-proxies": "client_proxies", "decryption-policies": "client_proxies",
         "action-sets": "profiles", "profiles": "profiles", "virtual-segments": "profiles"}

MOST_OBJECTS = 100000


def place(name):
    """A destination of its own: two proxies that have the same are refused."""
    digits = zlib.crc32(name.encode())
    return f"10.{digits >> 8 & 255}.{digits & 255}.1"


def proxy(name, *certificates, **more):
    return {"name": name, "destinations": [place(name)], "detection_ports": ["443"],
            "certificates": list(certificates), **more}


def ready(smsd, client, name):
    """Logged in, with a certificate of that name."""
    enter(smsd, client)
    with Desk() as desk:
        bring(client, desk, name, "a.pem", "a.key").must(201)


def case_a_setting_is_made_shown_changed_and_deleted(smsd, client):
    """What is in its answers, at each step; a page of them; what refers to what."""
    ready(smsd, client, "life")
    made = client.request("POST", "/server-proxies?comment=first", proxy("life 1", "life")).must(201)
    check(made.json["revision"] == 1 and made.headers["ETag"] == '"1"', f"{made.json}")
    check({"certificates", "destinations", "detection_ports", "name"}
          == {d["label"] for d in made.json["diff"]}, f"{made.json['diff']}")
    client.request("POST", "/server-proxies", proxy("life 2", "life")).must(201)
    client.request("POST", "/profiles", {"name": "life", "ssl_server_policies": [
        {"name": "life", "proxy": "life 1"}]}).must(201)
    shown = client.request("GET", "/server-proxies/life%201").must(200)
    check(shown.json["used_by"] == [{"kind": "profile", "name": "life"}], f"{shown.json}")
    check(shown.json["body"]["destinations"] == [place("life 1") + "/32"], f"{shown.json}")
    page = client.request("GET", "/server-proxies?limit=1").must(200).json
    check([i["name"] for i in page["items"]] == ["life 1"] and page["next"] == "life 1", f"{page}")
    page = client.request("GET", "/server-proxies?limit=1&after=life%201").must(200).json
    check([i["name"] for i in page["items"]] == ["life 2"] and page["next"] == "", f"{page}")
    body = proxy("life 1", "life", logging=True)
    client.request("PUT", "/server-proxies/life%201", body).must(428)
    client.request("PUT", "/server-proxies/life%201", body, {"If-Match": '"2"'}).must(412)
    done = client.request("PUT", "/server-proxies/life%201", body, {"If-Match": '"1"'}).must(200)
    check(done.json["diff"] == [{"pointer": "/logging", "label": "logging", "kind": "changed",
                                 "old": False, "new": True}] and done.json["revision"] == 2, f"{done.json}")
    same = client.request("PUT", "/server-proxies/life%201", body, {"If-Match": '"2"'}).must(200)
    check(same.json["revision"] == 2 and same.json["diff"] == [], f"{same.json}")
    busy = client.request("DELETE", "/server-proxies/life%201", headers={"If-Match": '"2"'}).must(409)
    check("profile \"life\"" in busy.json["detail"], f"{busy.json}")
    client.request("DELETE", "/server-proxies/life%202", headers={"If-Match": '"1"'}).must(204)
    client.request("GET", "/server-proxies/life%202").must(404)


def case_a_refusal_names_field_rule_and_remedy(smsd, client):
    """Of the schema, and of a name that nothing has; a check alone says the same and writes nothing."""
    ready(smsd, client, "rules")
    wrong = client.request("POST", "/server-proxies", proxy("rules", "rulez", loging=True)).must(400)
    check(wrong.json["errors"][0]["pointer"] == "/loging"
          and wrong.json["errors"][0]["remedy"] == 'did you mean "logging"?', f"{wrong.json}")
    for query in ("", "?check=true"):
        wrong = client.request("POST", "/server-proxies" + query, proxy("rules", "rulez")).must(400)
        check(wrong.json["errors"] == [{"pointer": "/certificates/0", "remedy": 'did you mean "rules"?',
                                        "text": 'there is no certificate "rulez"'}], f"{wrong.json}")
    right = client.request("POST", "/server-proxies?check=true", proxy("rules", "rules")).must(200)
    check(right.json["checked"] and right.json["revision"] == 0, f"{right.json}")
    client.request("GET", "/server-proxies/rules").must(404)
    client.request("POST", "/server-proxies?check=perhaps", proxy("rules", "rules")).must(400)


def case_each_kind_asks_for_its_capability(smsd, client):
    """Whoever has one of configuration may look at every kind, and change his own alone; the audit
    log alone shows nothing of it."""
    enter(smsd, client)
    tokens = {}
    for name in {*KINDS.values(), "audit"}:
        token = make_token(smsd, client, f"kinds {name}", [name]).must(201).json["token"]
        tokens[name] = bearer(client, token)
    for kind, capability in KINDS.items():
        other = tokens["profiles" if capability != "profiles" else "client_proxies"]
        tokens["audit"].request("GET", f"/{kind}").must(403)
        other.request("GET", f"/{kind}").must(200)
        other.request("POST", f"/{kind}", {}).must(403)
        other.request("DELETE", f"/{kind}/none").must(403)
        tokens[capability].request("POST", f"/{kind}", {}).must(400)
        tokens[capability].request("DELETE", f"/{kind}/none").must(428)

def case_locked_policies_ask_for_theirs(smsd, client):
    """Without lock_ssl_filter a locked policy is neither changed nor unlocked nor deleted."""
    ready(smsd, client, "lock")
    client.request("POST", "/server-proxies", proxy("lock", "lock")).must(201)
    shut = {"name": "lock", "ssl_server_policies": [{"name": "shut", "proxy": "lock", "locked": True}]}
    token = make_token(smsd, client, "profiles alone", ["profiles"]).must(201).json["token"]
    other = bearer(client, token)
    other.request("POST", "/profiles", shut).must(403)
    client.request("POST", "/profiles", shut).must(201)
    seen = {"If-Match": '"1"'}
    for change in ({**shut["ssl_server_policies"][0], "locked": False},
                   {**shut["ssl_server_policies"][0], "state": "off"}):
        refused = other.request("PUT", "/profiles/lock", {**shut, "ssl_server_policies": [change]}, seen)
        check(refused.must(403).json["errors"][0]["pointer"] == "/ssl_server_policies/0",
              f"{refused.json}")
    other.request("PUT", "/profiles/lock", {"name": "lock"}, seen).must(403)
    other.request("DELETE", "/profiles/lock", headers=seen).must(403)
    more = {**shut, "variables": {"HOME_NET": "10.0.0.0/8"}}
    other.request("PUT", "/profiles/lock", more, seen).must(200)
    client.request("PUT", "/profiles/lock", {"name": "lock"}, {"If-Match": '"2"'}).must(200)


def case_every_change_is_a_revision_to_go_back_to(smsd, client):
    """Who, when and what; what differs; going back; what was deleted comes back with its history."""
    enter(smsd, client)
    one, two = ({"name": "back", "description": text} for text in ("one", "two"))
    client.request("POST", "/trust-stores?comment=because", one).must(201)
    client.request("PUT", "/trust-stores/back", two, {"If-Match": '"1"'}).must(200)
    late = client.request("PUT", "/trust-stores/back", one, {"If-Match": '"1"'}).must(412)
    check({"pointer": "/description", "text": 'in between description went from "one" to "two"'}
          in late.json["errors"], f"{late.json}")
    lines = client.request("GET", "/trust-stores/back/history").must(200).json["items"]
    check([(i["revision"], i["action"], i["who"], i["comment"]) for i in lines]
          == [(2, "replace", "admin", ""), (1, "create", "admin", "because")], f"{lines}")
    changed = [{"pointer": "/description", "label": "description", "kind": "changed", "old": "one",
                "new": "two"}]
    seen = client.request("GET", "/trust-stores/back/history/2").must(200).json
    check(seen["diff"] == changed and seen["body"] == two, f"{seen}")
    client.request("POST", "/trust-stores/back/rollback", {"revision": 1}).must(428)
    for query, revision in (("?check=true", 2), ("", 3)):
        done = client.request("POST", "/trust-stores/back/rollback" + query, {"revision": 1},
                              {"If-Match": '"2"'}).must(200)
        check(done.json["revision"] == revision and done.json["diff"][0]["new"] == "one", f"{done.json}")
    seen = client.request("GET", "/trust-stores/back/history/3?from=2").must(200).json
    check(seen["diff"][0]["old"] == "two" and seen["action"] == "rollback", f"{seen}")
    client.request("GET", "/trust-stores/back/history/9").must(404)
    client.request("GET", "/trust-stores/back/history/x").must(400)
    client.request("DELETE", "/trust-stores/back", headers={"If-Match": '"3"'}).must(204)
    gone = client.request("GET", "/trust-stores/back/history?limit=1").must(200).json["items"][0]
    check(gone["action"] == "delete" and gone["after"] is None, f"{gone}")
    client.request("POST", "/trust-stores/back/rollback", {"revision": 2}).must(200)
    check(client.request("GET", "/trust-stores/back").must(200).json["revision"] == 5, "it is back")


def case_a_new_name_is_one_write_in_all_that_has_it(smsd, client):
    """Each that refers to it gets a revision of its own, by the same person with the same comment."""
    ready(smsd, client, "named")
    client.request("POST", "/server-proxies", proxy("named", "named")).must(201)
    for profile in ("named 1", "named 2"):
        client.request("POST", "/profiles", {"name": profile, "ssl_server_policies": [
            {"name": profile, "proxy": "named"}]}).must(201)
    client.request("PUT", "/server-proxies/named?comment=clearer", proxy("renamed", "named", destinations=[place("named")]),
                   {"If-Match": '"1"'}).must(200)
    for profile in ("named%201", "named%202"):
        shown = client.request("GET", f"/profiles/{profile}").must(200).json
        check(shown["body"]["ssl_server_policies"][0]["proxy"] == "renamed", f"{shown}")
        line = client.request("GET", f"/profiles/{profile}/history").must(200).json["items"][0]
        check((line["action"], line["comment"], line["revision"]) == ("rename", "clearer", 2), f"{line}")
    client.request("GET", "/server-proxies/named").must(404)


def case_a_child_inherits_and_a_parent_is_in_use(smsd, client):
    """Its parent is named, in use, and renamed in it; a circle is refused; a locked policy of the
    parent asks for its capability in the child."""
    ready(smsd, client, "heir")
    client.request("POST", "/server-proxies", proxy("heir", "heir")).must(201)
    shut = {"name": "heir shut", "proxy": "heir", "locked": True}
    client.request("POST", "/profiles", {"name": "heir top", "ssl_server_policies": [shut]}).must(201)
    child = {"name": "heir low", "parent": "heir top"}
    wrong = client.request("POST", "/profiles", {**child, "parent": "heir tip"}).must(400).json["errors"][0]
    check(wrong["pointer"] == "/parent" and wrong["remedy"] == 'did you mean "heir top"?', f"{wrong}")
    client.request("POST", "/profiles", child).must(201)
    seen = {"If-Match": '"1"'}
    check(client.request("GET", "/profiles/heir%20top").must(200).json["used_by"]
          == [{"kind": "profile", "name": "heir low"}], "used by the child")
    client.request("DELETE", "/profiles/heir%20top", headers=seen).must(409)
    circle = client.request("PUT", "/profiles/heir%20top", {"name": "heir top", "parent": "heir low"}, seen)
    check(circle.must(400).json["errors"][0]["pointer"] == "/parent", f"{circle.json}")
    token = make_token(smsd, client, "heir profiles", ["profiles"]).must(201).json["token"]
    off = {**child, "ssl_server_policies": [{**shut, "locked": False, "state": "off"}]}
    refused = bearer(client, token).request("PUT", "/profiles/heir%20low", off, seen).must(403)
    check("locked, and would be overridden" in refused.json["detail"], f"{refused.json}")
    client.request("PUT", "/profiles/heir%20top", {"name": "heir head", "ssl_server_policies": [shut]},
                   seen).must(200)
    shown = client.request("GET", "/profiles/heir%20low").must(200).json
    check(shown["body"]["parent"] == "heir head" and shown["revision"] == 2, f"{shown}")


def case_virtual_segments_have_an_order(smsd, client):
    """By place and not by name, over pages; moving says what it saw and where to."""
    enter(smsd, client)
    client.request("POST", "/profiles", {"name": "order"}).must(201)
    for name in ("order 1", "order 2", "order 3"):
        client.request("POST", "/virtual-segments", {"name": name, "segment": "order",
                                                     "profile": "order"}).must(201)
    path, seen = "/virtual-segments/order%203/move", {"If-Match": '"1"'}
    client.request("POST", path, {"before": "order 1"}).must(428)
    client.request("POST", path, {}, seen).must(400)
    client.request("POST", path, {"before": "order 1", "after": "order 2"}, seen).must(400)
    wrong = client.request("POST", path, {"before": "order 9"}, seen).must(400).json["errors"][0]
    check(wrong["pointer"] == "/before", f"{wrong}")
    client.request("POST", path + "?check=true", {"before": "order 1"}, seen).must(200)
    moved = client.request("POST", path + "?comment=first", {"before": "order 1"}, seen).must(200).json
    check(moved["revision"] == 2 and [d["pointer"] for d in moved["diff"]] == ["/place"], f"{moved}")
    client.request("POST", path, {"before": "order 2"}, seen).must(412)
    names, after = [], ""
    while after is not None:
        page = client.request("GET", f"/virtual-segments?limit=1&after={after}").must(200).json
        names += [item["name"] for item in page["items"]]
        after = page["next"].replace(" ", "%20") or None
    check([name for name in names if name.startswith("order")] == ["order 3", "order 1", "order 2"], names)
    line = client.request("GET", "/virtual-segments/order%203/history").must(200).json["items"][0]
    check((line["action"], line["comment"]) == ("move", "first"), f"{line}")


def case_everything_goes_back(fresh, client):
    """All settings as they were after a change or at a time; refused whole where one cannot be, or
    by whoever may not change each kind or does not see all."""
    fresh.start()
    ready(fresh, client, "all")
    client.request("POST", "/server-proxies", proxy("all", "all")).must(201)
    client.request("POST", "/profiles", {"name": "all", "ssl_server_policies": [
        {"name": "all", "proxy": "all"}]}).must(201)
    first = client.request("GET", "/changes?limit=1").must(200).json["items"][0]
    check((first["kind"], first["name"], first["action"]) == ("profile", "all", "create"), f"{first}")
    client.request("PUT", "/server-proxies/all", proxy("changed", "all"), {"If-Match": '"1"'}).must(200)
    client.request("POST", "/trust-stores", {"name": "new"}).must(201)
    page = client.request("GET", f"/changes?before={first['id'] + 2}&limit=2").must(200).json["items"]
    check([line["id"] for line in page] == [first["id"] + 1, first["id"]], f"{page}")
    to = {"change": first["id"]}
    for body in ({}, {**to, "time": first["time"]}, {"change": 0}, {"time": "yesterday"}):
        client.request("POST", "/rollback", body).must(400)
    wrong = client.request("POST", "/rollback", {"change": 10 ** 6}).must(400).json["errors"][0]
    check(wrong["pointer"] == "/change", f"{wrong}")
    token = make_token(fresh, client, "proxies alone", ["server_proxies"]).must(201).json["token"]
    refused = bearer(client, token).request("POST", "/rollback", to).must(403)
    check(sorted(e["pointer"] for e in refused.json["errors"]) == ["profile/all", "trust store/new"],
          f"{refused.json}")
    seen = client.request("POST", "/rollback?check=true", to).must(200).json
    check(seen["checked"] and sorted((d["kind"], d["name"], d["action"]) for d in seen["diff"])
          == [("profile", "all", "changed"), ("server proxy", "all", "changed"),
              ("trust store", "new", "deleted")], f"{seen}")
    client.request("GET", "/trust-stores/new").must(200)
    done = client.request("POST", "/rollback?comment=undo", to).must(200).json
    check(done["diff"] == seen["diff"] and not done["checked"], f"{done}")
    client.request("GET", "/trust-stores/new").must(404)
    shown = client.request("GET", "/profiles/all").must(200).json["body"]
    check(shown["ssl_server_policies"][0]["proxy"] == "all", f"{shown}")
    again = client.request("POST", "/rollback", {"time": first["time"]}).must(200).json
    check(len(again["diff"]) <= 3, f"{again}")


def case_suites_follow_the_selections(smsd, client):
    """By the device's own rule: a preset, narrowed by what is chosen; a word that is none is refused."""
    enter(smsd, client)

    def names(query, key="name"):
        return [s[key] for s in client.request("GET", "/cipher-suites" + query).must(200).json["items"]]

    check(names("?protocols=TLSv1.3") == ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                                          "TLS_AES_128_GCM_SHA256"], names("?protocols=TLSv1.3"))
    modern = names("")
    check(modern == names("?preset=modern") and "TLS_RSA_WITH_AES_128_GCM_SHA256" not in modern, modern)
    check(names("?protocols=TLSv1.2&key_exchange=ecdhe&authentication=rsa&bulk=aes128,aes256&mac=gcm")
          == ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], "narrowed")
    seed = client.request("GET", "/cipher-suites?preset=seed_compatible").must(200).json["items"]
    check([s["name"] for s in seed if s["deselected"]] == ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
                                                           "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"], "R45")
    wrong = client.request("GET", "/cipher-suites?protocols=TLSv1.2,TLSv9").must(400)
    check('protocols does not take "TLSv9"' in wrong.json["detail"], f"{wrong.json}")


def case_the_most_objects_there_may_be(fresh, client):
    """The next one is refused by that limit's name, and nobody says that a disk is full."""
    fresh.start()
    enter(fresh, client)
    ((there,),) = fresh.database.rows("SELECT COUNT(*) FROM object")
    fresh.database.rows("INSERT INTO object (kind, name, revision, changed_ms, body)"
                        " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                        " SELECT 'nothing', 'name ' || i, 1, 1, '{}' FROM n", (MOST_OBJECTS - there,))
    refused = client.request("POST", "/trust-stores", {"name": "one more"}).must(409).json
    check(refused["errors"][0]["text"].startswith(f"there are {MOST_OBJECTS} objects"), f"{refused}")
    check("delete" in refused["errors"][0]["remedy"], f"{refused}")
    fresh.database.rows("DELETE FROM object WHERE kind = 'nothing'")
    client.request("POST", "/trust-stores", {"name": "one more"}).must(201)
    check("disk" not in fresh.log(), fresh.log()[-2000:])


case_the_most_objects_there_may_be.only = "sqlite"  # the limit is the same, and this one is quick
