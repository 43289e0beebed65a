# SPDX-License-Identifier: Apache-2.0
"""What every request passes: the path, the method, the query, the body's bounds, how often."""

import re
import socket
import struct
import time

from lib.smsd import PREFIX, check

BODY_MAX = 16 * 1024 * 1024
BURST, RATE = 100, 20


def case_version_and_document_need_no_login(smsd, client):
    """Whoever comes learns what it is and what can be asked."""
    check(client.request("GET", "/version").must(200).json["name"] == "smsd", "the name")
    document = client.request("GET", "/openapi.json").must(200).json
    check(document["openapi"] == "3.1.0", "the version of OpenAPI")
    check(PREFIX + "/version" in document["paths"], "its own route is in it")


def case_document_is_whole(smsd, client):
    """Each route names its path's parameters, its access, and schemas that are there."""
    schemas = smsd.document["components"]["schemas"]
    names = []
    for method, path, op in smsd.routes():
        names.append(op["operationId"])
        wanted = re.findall(r"{(\w+)}", path)
        there = [p["name"] for p in op["parameters"] if p["in"] == "path"]
        check(wanted == there, f"{method} {path}: {there}")
        check(op["summary"] and op["x-access"], f"{method} {path}: no summary or access")
        check((op["x-access"] == "everyone") == (op["security"] == []), f"{method} {path}: security")
    check(len(names) == len(set(names)), "two operations of one name")
    refs = re.findall(r"#/components/schemas/([\w-]+)", str(smsd.document))
    check(set(refs) <= set(schemas), f"there is no {set(refs) - set(schemas)}")


def case_paths_have_one_spelling(smsd, client):
    """What could mean a route by another spelling is none."""
    tricks = {"/": 404, "": 404, "/version/": 404, "/Version": 404, "//version": 400, "/./version": 400,
              "/x/../version": 400, "/%2e%2e/v1/version": 400, "/%2e/version": 400,
              "/x%2f..%2fversion": 400, "/version%00": 400, "/version%2f": 400, "/version;a=b": 404,
              "/version%20": 404, "/ver%73ion": 200, "/version%252f": 404, "\\version": 400}
    for trick, status in tricks.items():
        answer = client.raw("GET", PREFIX + trick)
        check(answer.status == status, f"{trick}: {answer.status} instead of {status}")
    for path in ("/", "/api", "/api/v1", "/api/v2/version", "/API/v1/version"):
        check(client.raw("GET", path).status == 404, path)


def case_other_methods_are_told_which(smsd, client):
    """405 with Allow; what is no method of ours 405 or 501; never served."""
    answer = client.request("POST", "/version", {}).must(405)
    check(answer.headers["Allow"] == "GET", f"Allow: {answer.headers['Allow']}")
    check("GET" in answer.json["detail"], "the detail names it")
    for method, status in (("HEAD", 405), ("OPTIONS", 405), ("TRACE", 405), ("BREW", 501)):
        answer = client.raw(method, PREFIX + "/version")
        check(answer.status == status, f"{method}: {answer.status}")


def case_query_is_what_the_route_takes(smsd, client):
    """An unknown parameter is refused by its name."""
    answer = client.request("GET", "/version?limit=1").must(400)
    check('"limit"' in answer.json["detail"], answer.json["detail"])
    client.request("GET", "/version?").must(200)
    check(client.raw("GET", PREFIX + "/version?" + "a" * 5000).status == 414, "a long query")


def case_body_is_bounded(smsd, client):
    """At the bound it is read and refused for what it is, over it for its size."""
    client.raw("POST", PREFIX + "/version", b"x" * BODY_MAX).must(405)
    check(client.raw("POST", PREFIX + "/version", b"x" * (BODY_MAX + 1)).status == 413, "one more")


def case_burst_ends_with_429(smsd, client):
    """So many at once and no more; a second later it goes on; others do not notice."""
    served = 0
    began = time.monotonic()
    for status in client.many("GET", "/nothing", 3 * BURST):
        if status == 429:
            break
        served += 1
    seconds = time.monotonic() - began
    check(BURST <= served <= BURST + RATE * (seconds + 1), f"{served} in {seconds:.1f} s")
    answer = client.raw("GET", PREFIX + "/version")
    if answer.status == 429:  # else it took so long that there is one again
        check(answer.headers["Retry-After"] == "1", "when to come again")
        check(answer.json["type"] == "urn:sluice:again", answer.json["type"])
    time.sleep(1.1)
    client.request("GET", "/version").must(200)


def case_who_hangs_up_is_forgotten(smsd, client):
    """Those who leave before their answer, or in the middle of a request, take nothing with them."""
    for piece in (b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
                  b"POST /api/v1/version HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
                  b"GET /api"):
        for _ in range(10):
            connection = client.tls()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(piece)
            connection.close()
    client.request("GET", "/version").must(200)


def case_connections_of_one_source_are_bounded(smsd, client):
    """32 are served, the next is not, and when they are gone it is."""
    held = [client.tls() for _ in range(32)]
    try:
        client.tls()
        check(False, "33 connections")
    except OSError:
        pass
    for connection in held:
        connection.close()
    for _ in range(100):
        try:
            client.tls().close()
            return
        except OSError:
            time.sleep(0.1)
    check(False, "connections that are gone still count")
