# SPDX-License-Identifier: Apache-2.0
"""Events to syslog servers, judged by what a real rsyslog has in its file: each event at least once, as
RFC 5424 has it, whatever ends in between; and no word to a server that is not the one that was meant."""

import contextlib
import http.client
import json
import os
import re
import signal
import tempfile
import threading
import time

from cases.commandline import REFUSED, Sms
from cases.events import EPOCH, line, send
from cases.session import bearer, enter, make_token
from lib.box import Box
from lib.rsyslog import Authority, Rsyslog
from lib.smsd import Client, Failure, check

WAIT_S = 60


def within(what, ask):
    """What `ask` gives, once that is something."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        got = ask()
        if got:
            return got
        time.sleep(0.05)
    raise Failure(f"not within {WAIT_S} s: {what}")


@contextlib.contextmanager
def target(client, name, port, **more):
    """A server of the SMS, gone at the end."""
    body = {"name": name, "host": "127.0.0.1", "port": port, "transport": "tcp", **more}
    client.request("POST", "/syslog-targets", body).must(201)
    try:
        yield
    finally:
        etag = client.request("GET", f"/syslog-targets/{name}").must(200).headers["ETag"]
        client.request("DELETE", f"/syslog-targets/{name}", headers={"If-Match": etag}).must(204)


def show(client, name):
    return client.request("GET", f"/syslog-targets/{name}").must(200).json


def change(client, name, **more):
    """Sets it anew, with these values."""
    answer = client.request("GET", f"/syslog-targets/{name}").must(200)
    body = {key: answer.json[key] for key in ("host", "port", "transport", "ca", "kinds", "enabled", "spool")}
    return client.request("PUT", f"/syslog-targets/{name}", {**body, **more},
                          headers={"If-Match": answer.headers["ETag"]}).must(200).json


def fed(box, first, count, **more):
    """So many events, stored."""
    status, answer = send(box, first, [line(box.name, first + n, **more) for n in range(count)])
    check((status, answer["stored"]) == (200, count), f"{status} {answer}")


def numbers(server, box, kind="ssl_inspection"):
    """Of the messages that there are, as they came."""
    return [int(re.search(r' seq="(\d+)"', m["data"]).group(1)) for m in server.messages()
            if m["host"] == box.name and m["kind"] == kind]


def whole(server, box, count, first=0):
    """Each of them is there, once or more."""
    within(f"{count} messages of {box.name}",
           lambda: set(numbers(server, box)) == set(range(first, first + count)))


def settled(client, name):
    """Once it is known that the server has all."""
    return within("nothing waits", lambda: (t := show(client, name)) and t["waiting"] == 0 and t)


def case_a_server_gets_events_as_rfc_5424_has_them(smsd, client):
    """Each with its device, kind, severity, values and whole line; of its kinds alone where it has some;
    what the SMS itself says, too; and a test message."""
    enter(smsd, client)
    box = Box(smsd, "plain")
    odd = 'a"b]c\\d é'
    with Rsyslog(smsd.folder) as every, Rsyslog(smsd.folder) as some:
        with target(client, "every", every.port), target(client, "some", some.port, kinds=["ips_block"]):
            within("connected", lambda: all(show(client, n)["state"] == "connected" for n in ("every", "some")))
            sent = [line("plain", 0, outcome="blocked", policy=odd, tls={"sni": "www.example.org"}),
                    line("plain", 1, kind="ips_block", src_ip="10.0.0.1"),
                    line("plain", 2, kind="system", severity="critical", process="wire", message="gone"),
                    line("plain", 3, message="x" * 16000),
                    "no event\n"]
            status, answer = send(box, 0, sent)
            check((status, answer["stored"], answer["refused"]) == (200, 4, 1), f"{status} {answer}")
            came = within("all messages", lambda: (m := every.messages()) and len(m) >= 5 and m)
            mine = {m["kind"] + str(n): m for n, m in enumerate(m for m in came if m["host"] == "plain")}
            check(len(came) == 5 and set(mine) == {"ssl_inspection0", "ips_block1", "system2",
                                                   "ssl_inspection3"}, f"{came}")
            first = mine["ssl_inspection0"]
            check(first["app"] == "sluice" and first["pri"] == "134", f"{first}")
            check(json.loads(first["text"]) == json.loads(sent[0]), f"{first}")
            quoted = odd.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
            check(first["data"] == f'[sluice@32473 epoch="{EPOCH}" seq="0" device="plain" outcome="blocked"'
                                   f' sni="www.example.org" policy="{quoted}"]', f"{first}")
            check(first["time"].startswith(json.loads(sent[0])["timestamp"][:23]), f"{first}")
            check(mine["system2"]["pri"] == "130" and mine["ips_block1"]["pri"] == "132", f"{mine}")
            check(json.loads(mine["ssl_inspection3"]["text"])["truncated"], f"{mine['ssl_inspection3']}")
            (own,) = [m for m in came if m["host"] == "sms"]
            check("not kept" in own["text"] and own["pri"] == "132", f"{own}")
            check(settled(client, "every")["sent"] == 5, f"{show(client, 'every')}")
            check(settled(client, "some")["sent"] == 1, f"{show(client, 'some')}")
            check([m["kind"] for m in some.messages()] == ["ips_block"], f"{some.messages()}")
            client.request("POST", "/syslog-targets/some/test").must(202)
            within("the test", lambda: not show(client, "some")["testing"])
            within("its message", lambda: [m["kind"] for m in some.messages()] == ["ips_block", "syslog_test"])
            check("tested" in show(client, "some"), "when it was tested")


def case_what_is_no_server_is_refused(smsd, client):
    """With the place and the reason; who may not does not; who comes second gets 412."""
    enter(smsd, client)
    for more, pointer in (({"host": "a b"}, "/host"), ({"host": ""}, "/host"), ({"port": 65536}, "/port"),
                          ({"transport": "udp"}, "/transport"), ({"spool": 10}, "/spool"),
                          ({"kinds": ["A B"]}, "/kinds/0"), ({"ca": "nothing"}, "/ca"),
                          ({"transport": "tls", "ca": "nothing"}, "/ca"), ({"more": 1}, "/more")):
        body = {"name": "x", "host": "127.0.0.1", "transport": "tcp", **more}
        answer = client.request("POST", "/syslog-targets", body).must(400)
        check(answer.json["errors"][0]["pointer"] == pointer, f"{more}: {answer.json}")
    with target(client, "off", 1, enabled=False):
        check(show(client, "off")["state"] == "disabled", f"{show(client, 'off')}")
        client.request("POST", "/syslog-targets/off/test").must(409)
        etag = client.request("GET", "/syslog-targets/off").must(200).headers["ETag"]
        change(client, "off", port=2)
        client.request("DELETE", "/syslog-targets/off", headers={"If-Match": etag}).must(412)
        again = {"name": "off", "host": "127.0.0.1"}
        client.request("POST", "/syslog-targets", again).must(409)
        looker = bearer(client, make_token(smsd, client, "look", ["view_configuration"]).json["token"])
        check(looker.request("GET", "/syslog-targets").must(200).json["items"][0]["port"] == 2, "the list")
        looker.request("POST", "/syslog-targets", {"name": "y", "host": "h"}).must(403)
    client.request("GET", "/syslog-targets/off").must(404)
    client.request("DELETE", "/me/tokens/look").must(204)


def case_a_server_that_was_away_gets_all(smsd, client):
    """What is stored meanwhile waits for it; one that is killed in the middle gets again what it may not
    have read; what is more than its spool has room for is skipped, the oldest first, and counted."""
    enter(smsd, client)
    box = Box(smsd, "patient")
    server = Rsyslog(smsd.folder)
    with target(client, "away", server.port, spool=1000):
        fed(box, 0, 300)
        waits = within("it waits", lambda: (t := show(client, "away")) and t["state"] == "waiting" and t)
        check("refused" in waits["error"] and waits["error_time"] and waits["waiting"] == 300, f"{waits}")
        with server:
            client.request("POST", "/syslog-targets/away/test").must(202)  # it is tried at once
            whole(server, box, 300)
            server.end(signal.SIGKILL)
            fed(box, 300, 300)
            server.start()
            client.request("POST", "/syslog-targets/away/test").must(202)
            whole(server, box, 600)
            check(settled(client, "away")["sent"] == 600, f"{show(client, 'away')}")
        within("it waits again", lambda: show(client, "away")["state"] == "waiting")
        for first in range(600, 3600, 600):
            fed(box, first, 600)
        change(client, "away", kinds=["ssl_inspection"])
        skipped = within("what is skipped", lambda: show(client, "away")["skipped"])
        check(skipped == 2400, f"{skipped}")
        with server:
            client.request("POST", "/syslog-targets/away/test").must(202)
            within("the rest", lambda: set(numbers(server, box)) == {*range(600), *range(3000, 3600)})
            check(settled(client, "away")["sent"] == 1200, f"{show(client, 'away')}")
        change(client, "away", enabled=False)
        fed(box, 3600, 10)
        change(client, "away", enabled=True)
        fed(box, 3610, 10)
        with server:
            client.request("POST", "/syslog-targets/away/test").must(202)
            within("what is new", lambda: {*range(3610, 3620)} <= set(numbers(server, box)))
            check(not {*range(3600, 3610)} & set(numbers(server, box)), "what came while it was disabled")


def case_tls_is_verified(smsd, client):
    """By the CA that was given, and for the host that was named; another one gets nothing, and the reason
    is shown."""
    enter(smsd, client)
    box = Box(smsd, "sealed")
    folder = tempfile.mkdtemp(dir=smsd.folder)
    ca, other = Authority(folder), Authority(folder, "other")
    good, foreign = ca.sign("good", "IP:127.0.0.1"), ca.sign("foreign", "DNS:log.example.org")
    tls = {"transport": "tls", "ca": ca.pem}
    with Rsyslog(folder, good, ca.path) as server, Rsyslog(folder, foreign, ca.path) as misnamed:
        with target(client, "good", server.port, **tls), target(client, "misnamed", misnamed.port, **tls), \
                target(client, "believed", server.port, transport="tls", ca=other.pem):
            fed(box, 0, 200)
            whole(server, box, 200)
            for name, why in (("misnamed", "IP address mismatch"), ("believed", "self-signed certificate")):
                error = within(name, lambda name=name: show(client, name).get("error"))
                check("does not verify" in error and why in error, error)
                check(show(client, name)["waiting"] >= 200, f"{show(client, name)}")
            check(misnamed.messages() == [], "a server of another name got something")
            check(sorted(numbers(server, box)) == list(range(200)), "it came by the wrong CA, too")
            change(client, "believed", ca=ca.pem)
            within("both", lambda: len(numbers(server, box)) == 400)


def case_the_command_line_sets_servers(smsd, client):
    """Adds, changes, tests, lists and deletes one; a test that could not be sent is a failure."""
    enter(smsd, client)
    scopes = ["view_configuration", "sms_settings"]
    token = make_token(smsd, client, "cli", scopes).json["token"]
    with Rsyslog(smsd.folder) as server, Sms(smsd) as sms:
        sms.env["SLUICE_TOKEN"] = token
        sms.options = ("--server", sms.server, "--ca", os.path.join(smsd.data, "server.crt"))
        sms("syslog-target", "add", "cli", "127.0.0.1", "--port", str(server.port), "--transport", "tcp", "--kinds",
            "gap,system", "--disabled")
        made = sms.record("syslog-target", "show", "cli")
        check(made["kinds"] == ["gap", "system"] and made["state"] == "disabled", f"{made}")
        made = sms.record("syslog-target", "set", "cli", "--kinds", "all", "--spool", "5000", "--enabled")
        check(made["kinds"] == [] and made["spool"] == 5000 and made["port"] == server.port, f"{made}")
        sms("syslog-target", "test", "cli")
        within("the test", lambda: [m["kind"] for m in server.messages()] == ["syslog_test"])
        server.end(signal.SIGKILL)
        sms("syslog-target", "test", "cli", status=REFUSED)
        check("cli" in sms("syslog-target", "list"), "the list")
        sms("syslog-target", "delete", "cli")
        check("cli" not in sms("syslog-target", "list"), "the list")
    client.request("DELETE", "/me/tokens/cli").must(204)


def case_death_in_the_middle_leaves_no_event_out(fresh, client):
    """smsd is killed while a device sends and while it passes on: each event that was answered comes."""
    fresh.start()
    enter(fresh, client)
    box, done = Box(fresh, "mortal"), [0]

    def send_on():
        while True:
            try:
                status, answer = send(box, done[0], [line("mortal", done[0] + n, at=time.time() - n % 2 * 86400)
                                                     for n in range(50)])
            except (OSError, http.client.HTTPException):
                return
            check(status == 200, f"{status} {answer}")
            done[0] = answer["next"]

    with Rsyslog(fresh.folder) as server:
        body = {"name": "log", "host": "127.0.0.1", "port": server.port, "transport": "tcp"}
        client.request("POST", "/syslog-targets", body).must(201)
        thread = threading.Thread(target=send_on)
        thread.start()
        within("it sends", lambda: done[0] >= 400 or not thread.is_alive())
        fresh.kill()
        thread.join()
        fresh.start()
        send(box, done[0], [line("mortal", done[0])])
        count = done[0] + 1
        within("all of them", lambda: set(range(count)) <= set(numbers(server, box)))
        check(fresh.stop() == 0, "the end")
        before = len(server.messages())
        fresh.start()
        enter(fresh, Client(fresh, client.source))
        settled(client, "log")
        check(len(server.messages()) == before, "after an end in order something came twice")
