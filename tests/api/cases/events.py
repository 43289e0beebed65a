# SPDX-License-Identifier: Apache-2.0
"""Events of devices, from the devices' port to whoever asks: nothing lost, nothing twice, each filter,
pages while events come, and what a death in the middle leaves."""

import http.client
import json
import socket
import ssl
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
             line("box one", 2, at=now + 2, kind="system", message="the disk is full"),
             line("box one", 3, at=now + 3, kind="alert", alert={"action": "blocked"}),
             line("box one", 4, at=now + 4, kind="alert", alert={"action": "allowed"})]
    status, answer = send(box, 0, lines)
    check((status, answer["next"], answer["stored"]) == (200, 5, 5), f"{status} {answer}")
    status, answer = send(box, 0, lines)
    check((status, answer["next"], answer["stored"], answer["repeated"]) == (200, 5, 0, 5), f"{answer}")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    for query, wanted in (("", [4, 3, 2, 1, 0]), ("&device=box%20one", [4, 3, 2, 1, 0]), ("&device=one", []),
                          ("&kind=ips_block", [3]), ("&kind=ips_alert", [4]), ("&kind=alert", [4, 3]),
                          ("&outcome=blocked", [0]), ("&reason=rule", [0]), ("&kind=system", [2]),
                          ("&sni=WWW.example.org", [0]), ("&address=10.0.0.2", [0]),
                          ("&address=2001:DB8:0::1", [1]), ("&source=10.0.0.2", []), ("&profile=P", [0]),
                          ("&policy=Q&outcome=inspected", []), ("&text=disk%20fu*", [2]),
                          ("&text=example", [0]), ("&to=2020-01-01T00:00:00Z", [])):
        check(numbers(found(client, "&from=" + since + query)) == wanted, query)
    status, answer = send(box, 7, [line("box one", 7, at=now), "nothing\n", line("other", 9)])
    check((status, answer["next"], answer["stored"]) == (200, 10, 1), f"{status} {answer}")
    check((answer["lost"], answer["refused"]) == (2, 2), f"{answer}")
    (gap,) = found(client, "&device=sms&kind=gap&text=one")
    check(gap["gap"] == {"device": "box one", "from": 5, "to": 6, "lost": 2}, f"{gap}")
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


def case_a_page_of_long_lines_is_a_short_one(smsd, client):
    """However long lines are, a page has about 2 MiB; the next ones have the rest."""
    enter(smsd, client)
    box, now = Box(smsd, "wordy"), time.time()
    status, answer = send(box, 0, [line("wordy", n, at=now, message="x" * 30000) for n in range(120)])
    check((status, answer["stored"]) == (200, 120), f"{status} {answer}")
    for asked in ("/events?device=wordy", "/events?kind=ssl_inspection&device=wordy"):
        page = client.request("GET", asked + "&limit=1000").must(200)
        check(2 << 20 <= len(page.bytes) < 3 << 20, f"{len(page.bytes)} bytes")
        check(page.json["next"], "nothing is behind it")
    check(numbers(found(client, "&device=wordy")) == list(range(119, -1, -1)), "they are not there once each")


class Stream:
    """Somebody who follows /events/stream: reads when the test says so."""

    def __init__(self, client, query="", room=None, **headers):
        plain = socket.socket()
        plain.settimeout(20)
        if room:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        plain.bind((client.source, 0))
        plain.connect(("127.0.0.1", client.smsd.port))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection("127.0.0.1", client.smsd.port)
        self.connection.sock = context.wrap_socket(plain)
        self.connection.request("GET", "/api/v1/events/stream" + query,
                                headers={**client.credentials("GET"), **headers})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.answer.close()  # it has the connection, which ends with it

    def next(self):
        """(name, value) of the next event; None at the end of all."""
        name, data = "message", None
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            key, _, value = line.rstrip("\n").partition(": ")
            if key == "id":
                self.id = value
            elif key == "event":
                name = value
            elif key == "data":
                data = json.loads(value)
            elif not line.strip() and data is not None:
                return name, data

    def take(self, count):
        """Numbers of the next events, none of which was missed."""
        came = [self.next() for _ in range(count)]
        check(all(c and c[0] == "message" for c in came), f"{came}")
        return [event["seq"] for _, event in came]


def token_of(client):
    """A client of the same person with a token of its own, whose name is its secret's end."""
    made = client.request("POST", "/me/tokens", {"name": "follow", "scopes": ["events"]}).must(201).json
    other = type(client)(client.smsd, client.source)
    other.token = made["token"]
    return other


def case_events_are_followed_without_an_end(smsd, client):
    """Two who follow get what each asked for, go on where they were, and end with what let them in."""
    enter(smsd, client)
    box = Box(smsd, "live")
    for query in ("?since=x", "?limit=1", "?after=1.1"):
        client.request("GET", "/events/stream" + query).must(400)
    type(client)(smsd, client.source).request("GET", "/events/stream").must(401)
    with Stream(client, "?device=live") as all_of, Stream(client, "?device=live&outcome=blocked") as some:
        check(all_of.answer.getheader("Content-Type") == "text/event-stream", "what it is")
        check(all_of.answer.getheader("Cache-Control") == "no-store", "it may be kept")
        send(box, 0, [line("live", 0), line("live", 1, outcome="blocked"), line("live", 2)])
        check(all_of.take(3) == [0, 1, 2] and some.take(1) == [1], "what came")
        place = all_of.id
        send(box, 3, [line("live", n) for n in range(3, 700)])
        check(all_of.take(697) == list(range(3, 700)), "many at once")
    for arguments in (("?device=live&since=" + place,), ("?device=live&since=1.1",)):
        with Stream(client, *arguments, **({"Last-Event-ID": place} if "1.1" in arguments[0] else {})) as again:
            check(again.take(2) == [3, 4], "it does not go on where it was")
    held = [Stream(client) for _ in range(4)]
    with Stream(client) as fifth:
        check(fifth.status == 429 and fifth.answer.getheader("Retry-After"), f"a fifth one: {fifth.status}")
    for stream in held:
        stream.close()
    other = token_of(client)
    until = time.monotonic() + 30
    while True:  # what was closed has to be seen first
        with Stream(other, "?device=live") as stream:
            if stream.status == 200:
                send(box, 700, [line("live", 700)])
                check(stream.take(1) == [700], "by a token")
                client.request("DELETE", "/me/tokens/follow").must(204)
                send(box, 701, [line("live", 701)])
                check(stream.next() is None, "it goes on without its token")
                break
        check(time.monotonic() < until, f"streams that were closed are counted for ever: {stream.status}")
        time.sleep(0.1)


def case_who_reads_slowly_holds_nobody_up(smsd, client):
    """Another who follows gets all, the slow one what is still there and how many it missed."""
    enter(smsd, client)
    box, size, batch = Box(smsd, "slow"), 15000, 200
    with Stream(client, "?device=slow", room=4096) as slow, Stream(client, "?device=slow") as good:
        for first in range(0, 8 * batch, batch):
            send(box, first, [line("slow", first + n, message="x" * size) for n in range(batch)])
            check(good.take(batch) == list(range(first, first + batch)), "who reads misses some")
        numbers_seen, missed = [], 0
        while not numbers_seen or numbers_seen[-1] != 8 * batch - 1:
            name, value = slow.next()
            if name == "missed":
                missed += value["missed"]
            else:
                numbers_seen.append(value["seq"])
        check(numbers_seen == sorted(set(numbers_seen)), "not in order")
        check(missed > 0 and missed + len(numbers_seen) == 8 * batch, f"{missed} {len(numbers_seen)}")


def case_an_end_ends_those_who_follow(fresh, client):
    """They are told, and smsd waits for none of them."""
    fresh.start()
    enter(fresh, client)
    streams = [Stream(client) for _ in range(4)]
    check(fresh.stop() == 0, "the end")
    check("had no answer" not in fresh.log(), "smsd waited for those who follow")
    for stream in streams:
        check(stream.next() is None, "a stream without smsd")
        stream.close()


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
