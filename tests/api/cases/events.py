# SPDX-License-Identifier: Apache-2.0
"""Events of devices, from the devices' port to whoever asks: nothing lost, nothing twice, each filter,
pages while events come, and what a death in the middle leaves."""

import http.client
import json
import threading
import time

from cases.session import enter
from lib.box import Box
from lib.smsd import check

EPOCH = "00000000000000ab"


def line(device, seq, kind="ssl_inspection", at=None, **more):
    """One event as a device writes it."""
    at = time.time() if at is None else at
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}000+0000"
    event = {"epoch": EPOCH, "seq": seq, "device": device, "timestamp": stamp, "event_type": kind, **more}
    return json.dumps(event, separators=(",", ":")) + "\n"


def call(box, method, path, body, anonymous=False):
    """Status, and the answer's value."""
    status, content = box.call(method, path, body, anonymous)
    return status, json.loads(content) if content else None


def send(box, first, lines, anonymous=False):
    return call(box, "POST", f"/events?epoch={EPOCH}&first={first}", "".join(lines).encode(), anonymous)


def found(client, query="", limit=1000):
    """All events, latest first, page by page."""
    events, before = [], ""
    while True:
        page = client.request("GET", f"/events?limit={limit}{query}{before}").must(200).json
        events += [item["event"] for item in page["items"]]
        if not page["next"]:
            return events
        before = "&before=" + page["next"]


def numbers(events):
    return [event["seq"] for event in events]


def case_events_come_once_and_are_found(smsd, client):
    """By each filter; what is sent again changes nothing; a gap and a refused line are events."""
    enter(smsd, client)
    box = Box(smsd, "box one")
    now = time.time() + 7200  # later than what other cases send
    lines = [line("box one", 0, at=now, outcome="blocked", reason="rule", src_ip="10.0.0.1",
                  dest_ip="10.0.0.2", profile="P", policy="Q", tls={"sni": "www.example.org"}),
             line("box one", 1, at=now + 1, outcome="inspected", src_ip="2001:db8::1"),
             line("box one", 2, at=now + 2, kind="system", message="the disk is full")]
    status, answer = send(box, 0, lines)
    check((status, answer["next"], answer["stored"]) == (200, 3, 3), f"{status} {answer}")
    status, answer = send(box, 0, lines)
    check((status, answer["next"], answer["stored"], answer["repeated"]) == (200, 3, 0, 3), f"{answer}")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    for query, wanted in (("", [2, 1, 0]), ("&device=box%20one", [2, 1, 0]), ("&device=one", []),
                          ("&outcome=blocked", [0]), ("&reason=rule", [0]), ("&kind=system", [2]),
                          ("&sni=WWW.example.org", [0]), ("&address=10.0.0.2", [0]),
                          ("&address=2001:DB8:0::1", [1]), ("&source=10.0.0.2", []), ("&profile=P", [0]),
                          ("&policy=Q&outcome=inspected", []), ("&text=disk%20fu*", [2]),
                          ("&text=example", [0]), ("&to=2020-01-01T00:00:00Z", [])):
        check(numbers(found(client, "&from=" + since + query)) == wanted, query)
    status, answer = send(box, 5, [line("box one", 5, at=now), "nothing\n", line("other", 7)])
    check((status, answer["next"], answer["stored"]) == (200, 8, 1), f"{status} {answer}")
    check((answer["lost"], answer["refused"]) == (2, 2), f"{answer}")
    (gap,) = found(client, "&device=sms&kind=gap&text=one")
    check(gap["gap"] == {"device": "box one", "from": 3, "to": 4, "lost": 2}, f"{gap}")
    check(len(found(client, "&device=sms&kind=system&text=kept%20one")) == 1, "the refused lines are not told")


def case_batches_that_are_none_are_refused(smsd, client):
    """Whole, with a status; and people's API is not for devices, nor theirs for people."""
    box = Box(smsd, "box")
    for query in ("", "?epoch=x&first=0", f"?epoch={EPOCH}", f"?epoch={EPOCH}&first=x",
                  f"?epoch={EPOCH}&first=9007199254740992", f"?epoch={EPOCH}&first=0&more=1"):
        status, answer = call(box, "POST", "/events" + query, b"")
        check(status == 400, f"{query}: {status} {answer}")
    check(send(box, 0, ["\n"] * 10001)[0] == 400, "too many lines")
    check(send(box, 0, ["x" * (4 * 1024 * 1024), "\n"])[0] == 413, "too many bytes")
    check(send(box, 0, [line("box", 0)], anonymous=True)[0] == 403, "no certificate")
    client.request("GET", "/events").must(401)


def case_counters_become_series(smsd, client):
    """By the minute, of one device and of all."""
    enter(smsd, client)
    boxes = [Box(smsd, name) for name in ("a", "b")]
    minute = int(time.time() // 60) - 2
    for box in boxes:
        body = b'{"minutes": [{"minute": %d, "seen": 7, "active": 3}]}' % minute
        for _ in range(2):
            status, answer = call(box, "POST", "/counters", body)
            check(status == 204, f"{status} {answer}")
    for query, seen in (("", 14), ("?device=a", 7), ("?device=c", None)):
        points = client.request("GET", "/series" + query).must(200).json["items"]
        check([p["seen"] for p in points] == ([seen] if seen else []), f"{query}: {points}")
    check(call(box, "POST", "/counters", b'{"minutes": []}')[0] == 400, "no minute")


def case_pages_hold_while_events_come(smsd, client):
    """What was there when the first page came is in the pages once; who follows sees what comes."""
    enter(smsd, client)
    box, now = Box(smsd, "many"), time.time()
    send(box, 0, [line("many", n, at=now - n % 50) for n in range(500)])
    tail = client.request("GET", "/events/tail?device=many").must(200).json["next"]
    seen, before, more = [], "", 500
    while True:
        page = client.request("GET", f"/events?limit=60&device=many{before}").must(200).json
        seen += numbers(item["event"] for item in page["items"])
        if not page["next"]:
            break
        before = "&before=" + page["next"]
        send(box, more, [line("many", more + n, at=now - n * 5) for n in range(10)])
        more += 10
    check(len(seen) == len(set(seen)), "an event is there twice")
    check(set(range(500)) <= set(seen), f"{set(range(500)) - set(seen)} are left out")
    page = client.request("GET", f"/events/tail?limit=1000&device=many&after={tail}").must(200).json
    check(numbers(item["event"] for item in page["items"]) == sorted(range(500, more),
          key=lambda n: (n - 500) // 10 * 10 + 9 - (n - 500) % 10), "what came while one followed")


def case_death_in_the_middle_loses_no_event(fresh, client):
    """Killed while two devices send: what was answered is there, what is sent again is there once."""
    fresh.start()
    boxes = [Box(fresh, name) for name in ("a", "b")]
    done = {box.name: 0 for box in boxes}

    def send_on(box):
        while True:
            first = done[box.name]
            try:
                status, answer = send(box, first, [line(box.name, first + n, at=time.time() - n % 2 * 86400)
                                                  for n in range(50)])
            except (OSError, http.client.HTTPException):
                return
            check(status == 200, f"{status} {answer}")
            done[box.name] = answer["next"]

    for _ in range(2):
        threads = [threading.Thread(target=send_on, args=(box,)) for box in boxes]
        goals = {name: count + 200 for name, count in done.items()}
        for thread in threads:
            thread.start()
        while any(done[name] < goal for name, goal in goals.items()):
            check(any(t.is_alive() for t in threads), "nobody sends any more")
            time.sleep(0.01)
        fresh.kill()
        for thread in threads:
            thread.join()
        fresh.start()
    enter(fresh, client)
    for box in boxes:
        count = done[box.name]
        there = numbers(found(client, f"&device={box.name}"))
        check(len(there) == len(set(there)), "an event is there twice")
        check(set(range(count)) <= set(there), "an event that was answered is lost")
        status, answer = send(box, count, [line(box.name, count + n, at=time.time() - n % 2 * 86400)
                                          for n in range(100)])
        check(status == 200 and answer["next"] == count + 100, f"{status} {answer}")
        check(sorted(numbers(found(client, f"&device={box.name}"))) == list(range(count + 100)), box.name)
    check(found(client, "&device=sms") == [], "a gap that is none")
