# SPDX-License-Identifier: Apache-2.0
"""People, roles and groups of a real smsd, by the API and by the command line."""

import json
from urllib.parse import quote

from cases.commandline import NOT_PERMITTED, REFUSED, Sms
from cases.session import bearer, enter, log_in, make_token
from lib.smsd import Client, check

PASSWORD = "another horse battery staple"


def change(client, path, body, status=200):
    etag = client.request("GET", path).must(200).headers["ETag"]
    return client.request("PATCH", path, body, {"If-Match": etag}).must(status)


def delete(client, path, status=204):
    etag = client.request("GET", path).must(200).headers["ETag"]
    return client.request("DELETE", path, headers={"If-Match": etag}).must(status)


def make_person(smsd, client, name, role):
    """Somebody who has changed the password and is logged in."""
    first = client.request("POST", "/people", {"name": name, "role": role}).must(201).json["password"]
    smsd.keep_secret(first)
    smsd.keep_secret(PASSWORD)
    own = Client(smsd, client.source)
    check(log_in(smsd, own, first, name).must(200).json["must_change"], "it has to be changed")
    own.request("POST", "/me/password", {"old": first, "new": PASSWORD}).must(204)
    return own


def may(client):
    return set(client.request("GET", "/me").must(200).json["capabilities"])


def case_people_come_change_and_go(smsd, client):
    """Made with a password shown once; a role that is taken, a person who is disabled, unlocked, reset,
    deleted: each counts for sessions and tokens from the next request on."""
    enter(smsd, client)
    anna = make_person(smsd, client, "anna", "Operator")
    token = bearer(client, make_token(smsd, anna, "job", ["profiles"]).must(201).json["token"])
    check("people" not in may(anna) and "audit" not in may(anna), "an Operator")
    check(may(token) == {"profiles", "view_configuration"}, str(may(token)))
    change(client, "/people/anna", {"role": "Observer"})
    check(may(anna) == {"view_configuration"}, str(may(anna)))
    check(may(token) == {"view_configuration"}, str(may(token)))
    listed = {p["name"]: p for p in client.request("GET", "/people").must(200).json["items"]}
    check(listed["anna"]["tokens"] == 1 and listed["anna"]["sessions"] == 1, str(listed["anna"]))
    change(client, "/people/anna", {"disabled": True})
    anna.request("GET", "/me").must(401)
    token.request("GET", "/me").must(401)
    log_in(smsd, anna, PASSWORD, "anna").must(401)
    client.request("POST", "/people/anna/unlock").must(204)
    client.request("DELETE", "/people/anna/sessions").must(204)
    change(client, "/people/anna", {"disabled": False})
    token.request("GET", "/me").must(200)
    tokens = client.request("GET", "/people/anna/tokens").must(200).json["items"]
    check([t["name"] for t in tokens] == ["job"], str(tokens))
    client.request("DELETE", "/people/anna/tokens/job").must(204)
    token.request("GET", "/me").must(401)
    again = client.request("POST", "/people/anna/password").must(200).json["password"]
    smsd.keep_secret(again)
    log_in(smsd, anna, PASSWORD, "anna").must(401)
    log_in(smsd, anna, again, "anna").must(200)
    delete(client, "/people/anna")
    anna.request("GET", "/me").must(401)
    client.request("GET", "/people/anna").must(404)


def case_the_last_administrator_and_oneself_stay(smsd, client):
    """Neither disabled, nor of another role, nor deleted."""
    enter(smsd, client)
    for body in ({"role": "Observer"}, {"disabled": True}):
        change(client, "/people/admin", body, 403)
    delete(client, "/people/admin", 403)
    client.request("POST", "/people/admin/password").must(403)
    client.request("GET", "/me").must(200)


def case_a_role_is_made_of_another_and_counts_at_once(smsd, client):
    """Default ones stay as they are; one in use is not deleted."""
    enter(smsd, client)
    roles = {r["name"]: r for r in client.request("GET", "/roles").must(200).json["items"]}
    check({"Administrator", "Operator", "SSL Inspection Management", "Observer"} <= set(roles), str(roles))
    for name, role in roles.items():
        check(role["default"] and role["from"] == "", str(role))
        change(client, "/roles/" + quote(name), {"capabilities": ["audit"]}, 403)
        delete(client, "/roles/" + quote(name), 403)
    client.request("POST", "/roles", {"name": "auditor", "from": "Observer",
                                      "capabilities": ["audit"]}).must(201)
    bert = make_person(smsd, client, "bert", "auditor")
    bert.request("GET", "/audit").must(200)
    delete(client, "/roles/auditor", 409)
    change(client, "/roles/auditor", {"capabilities": ["view_configuration"]})
    bert.request("GET", "/audit").must(403)
    bert.request("GET", "/certificates").must(200)
    delete(client, "/people/bert")
    delete(client, "/roles/auditor")


def case_nobody_gives_what_he_has_not(smsd, client):
    """By a role, a person, a password, a token: whoever manages people gets no further than he is."""
    enter(smsd, client)
    client.request("POST", "/roles", {"name": "clerk", "from": "Observer",
                                      "capabilities": ["people", "view_configuration"]}).must(201)
    clerk = make_person(smsd, client, "clerk", "clerk")
    for body in ({"name": "x", "from": "Administrator"},
                 {"name": "x", "from": "Observer", "capabilities": ["audit"]}):
        clerk.request("POST", "/roles", body).must(403)
    change(clerk, "/roles/clerk", {"capabilities": ["people", "audit"]}, 403)
    clerk.request("POST", "/people", {"name": "x", "role": "Administrator"}).must(403)
    clerk.request("POST", "/people/admin/password").must(403)
    change(clerk, "/people/admin", {"comment": "mine"}, 403)
    clerk.request("DELETE", "/people/admin/sessions").must(403)
    make_token(smsd, clerk, "x", ["audit"]).must(403)
    # An Administrator's token is worth its scopes.
    token = bearer(client, make_token(smsd, client, "hr", ["people"]).must(201).json["token"])
    token.request("POST", "/people", {"name": "x", "role": "Observer"}).must(403)
    client.request("DELETE", "/me/tokens/hr").must(204)
    delete(client, "/people/clerk")
    delete(client, "/roles/clerk")


def case_a_group_hides_what_it_does_not_give(smsd, client):
    """In lists, by name, in the body of something else, in what refers to it; and gives what came
    later, until that is deselected too."""
    enter(smsd, client)
    for name in ("seen", "hidden"):
        client.request("POST", "/decryption-policies", {"name": name}).must(201)
    client.request("POST", "/profiles", {"name": "uses"}).must(201)
    given = {"decryption_policies": {"items": ["hidden"]}, "profiles": {"all": False, "items": ["uses"]}}
    client.request("POST", "/groups", {"name": "east", **given}).must(201)
    emil = make_person(smsd, client, "emil", "Operator")
    change(client, "/people/emil", {"groups": ["east"]})
    client.request("POST", "/decryption-policies", {"name": "later"}).must(201)
    names = [i["name"] for i in emil.request("GET", "/decryption-policies").must(200).json["items"]]
    check(names == ["later", "seen"], str(names))
    emil.request("GET", "/decryption-policies/later").must(200)
    for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/history")):
        answer = emil.request(method, "/decryption-policies/hidden" + rest)
        check(answer.status in (404, 405), f"{method} {rest}: {answer.status}")
    refused = emil.request("PUT", "/decryption-policies/hidden", {"name": "hidden"}).must(404)
    check("hidden" in refused.json["detail"], str(refused.json))
    client.request("GET", "/decryption-policies/hidden").must(200)
    policy = {"name": "p", "proxy": "none", "decryption_policy": "hidden"}
    refused = emil.request("PUT", "/profiles/uses", {"name": "uses", "ssl_client_policies": [policy]},
                           {"If-Match": '"1"'}).must(404)
    pointer = refused.json["errors"][0]["pointer"]
    check(pointer == "/ssl_client_policies/0/decryption_policy", pointer)
    emil.request("POST", "/profiles", {"name": "new"}).must(403)
    emil.request("POST", "/decryption-policies", {"name": "new"}).must(403)
    changes = client.request("GET", "/changes").must(200).json["items"]
    seen = [line["name"] for line in emil.request("GET", "/changes").must(200).json["items"]]
    check("seen" in seen and "hidden" not in seen and "hidden" in [line["name"] for line in changes], seen)
    refused = emil.request("POST", "/rollback?check=true", {"change": changes[0]["id"]}).must(403)
    check("single ones" in refused.json["detail"], f"{refused.json}")
    change(client, "/groups/east", {"decryption_policies": {"items": ["hidden", "later"]}})
    emil.request("GET", "/decryption-policies/later").must(404)
    delete(client, "/groups/east", 409)
    change(client, "/people/emil", {"groups": []})
    emil.request("GET", "/decryption-policies/hidden").must(200)
    emil.request("POST", "/profiles", {"name": "new"}).must(201)
    delete(client, "/people/emil")
    delete(client, "/groups/east")
    for path in ("/profiles/uses", "/profiles/new", "/decryption-policies/seen",
                 "/decryption-policies/hidden", "/decryption-policies/later"):
        delete(client, path)


def case_who_has_not_everything_manages_nobody(smsd, client):
    """A group, a person or a password would be a way to what his groups do not give him."""
    enter(smsd, client)
    client.request("POST", "/groups", {"name": "west", "devices": {"all": False}}).must(201)
    client.request("POST", "/roles", {"name": "all of it", "from": "Administrator"}).must(201)
    fritz = make_person(smsd, client, "fritz", "all of it")
    change(client, "/people/fritz", {"groups": ["west"]})
    change(fritz, "/people/fritz", {"groups": []}, 403)
    change(fritz, "/groups/west", {"devices": {"all": True}}, 403)
    fritz.request("POST", "/groups", {"name": "x"}).must(403)
    fritz.request("POST", "/people", {"name": "x", "role": "Observer"}).must(403)
    fritz.request("POST", "/people/admin/password").must(403)
    delete(client, "/people/fritz")
    delete(client, "/groups/west")
    delete(client, "/roles/all%20of%20it")


def case_people_by_the_command_line(fresh, client):
    """sms person and sms role do what they say."""
    fresh.start()
    with Sms(fresh) as sms, Sms(fresh) as other:
        sms.login(fresh)
        sms("role", "add", "night", "Operator", "--capabilities", "distribute,profiles")
        first = sms.record("person", "add", "carla", "night", "--comment", "night shift")["password"]
        check("carla" in sms("person", "list").split(), "the list")
        check(sms.record("person", "show", "carla")["comment"] == "night shift", "the comment")
        files = other.file("first", first + "\n"), other.file("new", PASSWORD + "\n")
        words = ("login", "--server", other.server, "--ca", f"{fresh.data}/server.crt", "--user", "carla")
        other(*words, "--password-file", files[0])
        other("password", "--password-file", files[0], "--new-password-file", files[1])
        sms("role", "delete", "night", status=REFUSED)
        sms("role", "set", "night", "--capabilities", "view_configuration")
        check(other.record("whoami")["capabilities"] == ["view_configuration"], "at once")
        other("person", "list", status=NOT_PERMITTED)
        sms("person", "unlock", "carla")
        sms("person", "set", "carla", "--disable")
        other("whoami", status=NOT_PERMITTED)
        sms("person", "set", "carla", "--enable", "--role", "Observer")
        check(sms.record("person", "reset-password", "carla")["password"] != first, "another one")
        sms("person", "end-sessions", "carla")
        sms("person", "tokens", "carla")
        sms("person", "delete-token", "carla", "none", status=REFUSED)
        sms("group", "add", "east", "--devices", "none", "--profiles", "all")
        sms("person", "set", "carla", "--groups", "east")
        check(sms.record("group", "show", "east")["people"] == ["carla"], "who is in it")
        sms("group", "set", "east", "--server-proxies", "all,-nothing", status=REFUSED)
        sms("group", "delete", "east", status=REFUSED)
        sms("person", "set", "carla", "--groups", "Everyone")
        sms("group", "delete", "east")
        sms("person", "delete", "carla")
        sms("role", "delete", "night")
        check("night" not in sms("role", "list"), "it is gone")
        sms("audit", "--export", sms.path("log"))
        with open(sms.path("log"), encoding="utf-8") as src:
            rows = [json.loads(line) for line in src]
        check([r["id"] for r in rows] == list(range(len(rows), 0, -1)), "all rows, newest first")
        check(rows[-1]["action"] == "create" and rows[-1]["who"] == "smsd", str(rows[-1]))
        sms("audit", "--export", sms.path("log"), status=REFUSED)
