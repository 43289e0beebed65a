# SPDX-License-Identifier: Apache-2.0
"""Logging in and out, oneself, one's tokens, the audit log."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

from lib.smsd import Client, check

PASSWORD = "correct horse battery staple"


def log_in(smsd, client, password, name="admin"):
    answer = client.request("POST", "/login", {"name": name, "password": password})
    if answer.status == 200:
        client.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        client.csrf = answer.json["csrf"]
        smsd.keep_secret(client.cookie.partition("=")[2])
        smsd.keep_secret(client.csrf)
    return answer


def enter(smsd, client):
    """Logged in as admin, whose password has been changed. One login serves all: each costs a hash."""
    known = getattr(smsd, "inside", None)
    if known:
        client.cookie, client.csrf = known
        return client
    smsd.keep_secret(PASSWORD)
    if log_in(smsd, client, PASSWORD).status != 200:
        old = smsd.password()
        log_in(smsd, client, old).must(200)
        client.request("POST", "/me/password", {"old": old, "new": PASSWORD}).must(204)
    smsd.inside = client.cookie, client.csrf
    return client


def make_token(smsd, client, name, scopes, days=1):
    answer = client.request("POST", "/me/tokens", {"name": name, "scopes": scopes, "days": days})
    if answer.status == 201:
        smsd.keep_secret(answer.json["token"])
    return answer


def bearer(client, token):
    other = Client(client.smsd, client.source)
    other.token = token
    return other


def patiently(ask, *arguments, **more):
    """There are more routes than a burst has requests."""
    answer = ask(*arguments, **more)
    while answer.status == 429:
        time.sleep(0.2)
        answer = ask(*arguments, **more)
    return answer


def case_first_password_is_changed_before_anything_else(smsd, client):
    """The password of the first start opens one's own page alone; then it opens nothing."""
    first = smsd.password()
    check(log_in(smsd, client, first).must(200).json["must_change"], "it has to be changed")
    check(client.request("GET", "/me").must(200).json["capabilities"] == [], "no capability")
    for method, path, op in smsd.routes():
        if op["x-access"] == "everyone" or path in ("/api/v1/me", "/api/v1/me/password",
                                                    "/api/v1/logout"):
            continue
        path = re.sub(r"{\w+}", "a", path.removeprefix("/api/v1"))
        body = {"name": "a", "scopes": ["audit"], "days": 1} if path == "/me/tokens" else {}
        answer = patiently(client.request, method, path, body if method == "POST" else None)
        check(answer.status == 403, f"{method} {path}: {answer.status}")
    client.request("POST", "/me/password", {"old": first, "new": PASSWORD}).must(204)
    smsd.keep_secret(PASSWORD)
    check(not os.path.exists(os.path.join(smsd.data, "initial-password")), "its file is gone")
    check(len(client.request("GET", "/me").must(200).json["capabilities"]) > 0, "capabilities")
    log_in(smsd, Client(smsd, client.source), first).must(401)


def case_cookie_is_no_scripts_and_no_other_sites(smsd, client):
    """Its attributes; and it alone changes nothing."""
    enter(smsd, client)
    answer = log_in(smsd, Client(smsd, client.source), PASSWORD)
    words = {w.strip() for w in answer.headers["Set-Cookie"].split(";")[1:]}
    check(words == {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"}, str(words))
    right, client.csrf = client.csrf, None
    make_token(smsd, client, "by a foreign page", ["audit"]).must(403)
    client.csrf = answer.json["csrf"]
    make_token(smsd, client, "by another session's", ["audit"]).must(403)
    client.csrf = right
    check(client.request("GET", "/me/tokens").must(200).json["items"] == [], "none was made")


def case_logout_ends_it(smsd, client):
    """For that session, not for others."""
    other = enter(smsd, Client(smsd, client.source))
    log_in(smsd, client, PASSWORD).must(200)
    client.request("POST", "/logout").must(204)
    client.request("GET", "/me").must(401)
    other.request("GET", "/me").must(200)


def case_token_does_what_it_may(smsd, client):
    """Its scopes and no more, without a CSRF token, until it is withdrawn; it makes no tokens."""
    enter(smsd, client)
    job = bearer(client, make_token(smsd, client, "job", ["people"]).must(201).json["token"])
    check(job.request("GET", "/me").must(200).json["capabilities"] == ["people"], "its scopes")
    job.request("GET", "/audit").must(403)
    make_token(smsd, job, "more", ["people"]).must(403)
    make_token(smsd, client, "job", ["people"]).must(409)
    client.request("DELETE", "/me/tokens/job").must(204)
    job.request("GET", "/me").must(401)
    client.request("DELETE", "/me/tokens/job").must(404)


def case_bodies_are_what_the_shape_says(smsd, client):
    """A value of another type is refused by its place, and smsd lives."""
    for body, pointer in (({"name": 1, "password": "x"}, "/name"),
                          ({"name": "admin", "password": True}, "/password"),
                          ({"name": "admin", "password": ["x"]}, "/password"),
                          ({"name": "admin", "password": "x", "role": "r"}, "/role"),
                          ({"name": "admin"}, "")):
        answer = client.request("POST", "/login", body).must(400)
        check(answer.json["errors"][0]["pointer"] == pointer, f"{body}: {answer.json['errors']}")
    client.request("GET", "/version").must(200)


def case_credentials_that_are_none(smsd, client):
    """Nothing but a whole secret that is there lets anyone in."""
    enter(smsd, client)
    cookie = client.cookie
    for headers in ({"Cookie": cookie[:-1]}, {"Cookie": cookie + "A"}, {"Cookie": "x" + cookie},
                    {"Cookie": f"{cookie}; {cookie}"}, {"Cookie": "sluice_session="},
                    {"Cookie": cookie, "Authorization": "Basic YTpi"},
                    {"Cookie": cookie, "Authorization": "Bearer slp1_" + "A" * 43},
                    {"Authorization": "Bearer " + cookie.partition("=")[2]}):
        answer = client.raw("GET", "/api/v1/me", headers=headers)
        check(answer.status == 401, f"{list(headers)}: {answer.status}")
    client.raw("GET", "/api/v1/me", headers={"Cookie": f"a=b; {cookie}; c"}).must(200)


def case_every_route_asks_who_and_whether_he_may(smsd, client):
    """Nobody: 401. Somebody without the CSRF token: 403. Somebody with all capabilities but the
    route's: 403. Before a body is looked at."""
    enter(smsd, client)
    everything = client.request("GET", "/me").must(200).json["capabilities"]
    tokens = {}
    for missing in everything:
        scopes = [c for c in everything if c != missing]
        if missing == "view_configuration":  # who may write configuration may look at it
            scopes = ["people", "audit"]
        answer = make_token(smsd, client, "all but " + missing, scopes).must(201)
        tokens[missing] = answer.json["token"]
    with client.connected() as ask:
        for method, path, op in smsd.routes():
            path = re.sub(r"{\w+}", "none", path)
            tries = [({}, 401)] if op["x-access"] != "everyone" else []
            if tries and method != "GET":
                tries.append(({"Cookie": client.cookie}, 403))
            if op["x-access"] in tokens:
                tries.append(({"Authorization": "Bearer " + tokens[op["x-access"]]}, 403))
            for headers, status in tries:
                answer = patiently(ask, method, path, headers=headers)
                check(answer.status == status, f"{method} {path} {list(headers)}: {answer.status}")
    for missing in everything:
        client.request("DELETE", "/me/tokens/all%20but%20" + missing).must(204)


def case_logins_at_once(smsd, client):
    """More than there are places for their hashes: each gets its answer."""
    enter(smsd, client)
    with ThreadPoolExecutor(4) as threads:
        came = list(threads.map(
            lambda _: log_in(smsd, Client(smsd, client.source), PASSWORD).status, range(4)))
    check(came == [200] * 4, str(came))


def case_audit_log_has_what_was_done(smsd, client):
    """Who, from where, what; page by page; not for whoever has not the capability."""
    enter(smsd, client)
    log_in(smsd, Client(smsd, client.source), "not the password").must(401)
    make_token(smsd, client, "noted", ["audit"], days=3).must(201)
    lines = client.request("GET", "/audit?limit=2").must(200).json["items"]
    check([(l["action"], l["kind"], l["name"]) for l in lines] ==
          [("create", "token", "noted"), ("login failed", "person", "admin")], str(lines))
    check(lines[0]["who"] == "admin" and lines[0]["from"] == client.source, str(lines[0]))
    check(lines[0]["after"]["scopes"] == "audit", str(lines[0]))
    check(lines[1]["who"] == "", "nobody proved who it was")
    more = client.request("GET", f"/audit?limit=1&before={lines[1]['id']}").must(200).json["items"]
    check(more[0]["id"] < lines[1]["id"], "the next page")
    client.request("DELETE", "/me/tokens/noted").must(204)


def case_account_waits_after_ten_failures(fresh, client):
    """Whatever the password; who is in stays in; the wait outlives a restart."""
    fresh.start()
    inside = enter(fresh, Client(fresh, client.source))
    for _ in range(10):
        log_in(fresh, client, "not the password").must(401)
    answer = log_in(fresh, client, PASSWORD).must(429)
    check(0 < int(answer.headers["Retry-After"]) <= 900, answer.headers["Retry-After"])
    inside.request("GET", "/me").must(200)
    check(fresh.stop() == 0, "it ends well")
    fresh.start()
    log_in(fresh, client, PASSWORD).must(429)
    inside.request("GET", "/me").must(200)


def case_no_secret_is_in_the_data(fresh, client):
    """Of passwords, cookies and tokens the files have hashes, while it runs and afterwards."""
    fresh.start()
    enter(fresh, client)
    token = make_token(fresh, client, "kept", ["audit"]).must(201).json["token"]
    bearer(client, token).request("GET", "/audit").must(200)
    secrets = [PASSWORD, client.cookie.partition("=")[2], client.csrf, token]
    for running in (True, False):
        if not running:
            check(fresh.stop() == 0, "it ends well")
        fresh.must_not_hold(*(secret.encode() for secret in secrets))
