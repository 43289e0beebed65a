# SPDX-License-Identifier: Apache-2.0
"""A server that speaks as much of the SMS's API as its command line needs, and writes down what it
was asked: the client is tested by what it sent. The real server's tests are elsewhere."""

import base64
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import threading
import urllib.parse

SESSION, CSRF, TOKEN = "slc1_cookie", "csrf-token", "slp1_token"
KINDS = ("certificates", "ca-certificates", "signing-requests")


def make_certificate(folder, name="server"):
    """A self-signed certificate for 127.0.0.1; its file and its SHA-256 in hexadecimal digits."""
    cert, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=sms",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
                   stdin=subprocess.DEVNULL)
    with open(cert, encoding="ascii") as src:
        der = ssl.PEM_cert_to_DER_cert(src.read())
    return cert, key, hashlib.sha256(der).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value=None, headers=(), raw=None):
        body = raw if raw is not None else b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if body:
            kind = "application/problem+json" if status >= 400 else "application/json"
            self.send_header("Content-Type", "application/octet-stream" if raw else kind)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, title, text=None, pointer="", remedy=""):
        errors = [{"pointer": pointer, "text": text, "remedy": remedy}] if text else []
        self.answer(status, {"type": "urn:sluice:x", "title": title, "status": status,
                             "errors": errors})

    def known(self):
        if self.headers["Authorization"] == "Bearer " + TOKEN:
            return True
        if self.headers["Cookie"] != "sluice_session=" + SESSION:
            return False
        return self.command == "GET" or self.headers["X-Sluice-CSRF"] == CSRF

    def handle_any(self):
        at = self.server.sms
        length = int(self.headers["Content-Length"] or 0)
        raw = self.rfile.read(length)
        body = json.loads(raw) if raw else None
        at.asked.append((self.command, self.path, body, dict(self.headers)))
        path, _, query = self.path.removeprefix("/api/v1").partition("?")
        if path == "/version":
            return self.answer(200, {"version": "1"})
        if path == "/login":
            return self.login(body)
        if not self.known():
            return self.refuse(401, "permission denied", "nobody is logged in by this request")
        return self.resource(path.split("/")[1:], query, body)

    do_GET = do_POST = do_DELETE = handle_any

    def login(self, body):
        if body != {"name": "admin", "password": self.server.sms.password}:
            return self.refuse(403, "permission denied", "the name or the password is wrong")
        return self.answer(200, {"csrf": CSRF, "name": "admin", "must_change": True}, [
            ("Set-Cookie", f"sluice_session={SESSION}; Secure; HttpOnly; SameSite=Strict; Path=/")])

    def resource(self, path, query, body):
        at = self.server.sms
        if path[0] in KINDS and len(path) == 1 and self.command == "GET":
            return self.page(at.objects[path[0]], query)
        if path[0] in KINDS and len(path) == 1:
            at.objects[path[0]][body["name"]] = 1
            return self.answer(201, {"names": [body["name"]]})
        if path[0] in KINDS:
            return self.one(at.objects[path[0]], path[1], path[2:], body)
        if path == ["signing-certificates"]:
            at.objects["certificates"][body["name"]] = 1
            return self.answer(201, {"name": body["name"]}, [("ETag", '"1"')])
        if path == ["devices"] and self.command == "GET":
            return self.page({}, query)
        if path[0] == "distributions":
            script = at.distributions
            return self.answer(200, script.pop(0) if len(script) > 1 else script[0])
        if path[0] in ("events", "series"):
            return self.events(path, dict(urllib.parse.parse_qsl(query)))
        if path == ["audit"]:
            return self.answer(200, {"items": [{"id": 7, "who": "admin", "action": "im\x1bport",
                                                "before": None}]})
        return self.answer(204)

    def events(self, path, query):
        at = self.server.sms
        if path == ["series"]:
            return self.answer(200, {"step_s": 60, "items": [{"time": "2026-01-31T12:00:00Z", "seen": 5}]})
        if path == ["events", "tail"]:
            return self.answer(200, {"items": [], "next": "1.1", "missed": 0})
        if path == ["events", "stream"]:
            return self.stream([at.events[0], at.came], int(query["since"][2:]))
        # Every other page is empty: the search goes on behind it.
        at_page = int(query.get("before", "1.0")[2:])
        page = at.events[at_page // 2:at_page // 2 + 1] if at_page % 2 == 0 else []
        more = at_page % 2 == 0 or (at_page + 1) // 2 < len(at.events)
        return self.answer(200, {"items": [{"at": "1.5", "event": e} for e in page],
                                 "next": f"1.{at_page + 1}" if more else ""})

    def stream(self, events, number):
        """Server-sent events in small pieces, and an end."""
        said = ":\n\nevent: missed\ndata: {\"missed\":3}\n\n"
        for event in events:
            number += 1
            said += f"id: 1.{number}\ndata: {json.dumps(event)}\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        for at in range(0, len(said), 50):
            self.wfile.write(said[at:at + 50].encode())

    def page(self, objects, query):
        after = dict(p.split("=") for p in query.split("&") if p).get("after", "")
        names = [n for n in sorted(objects) if n > after]
        page = names[:2]
        return self.answer(200, {"items": [{"name": n, "status": "valid", "revision": objects[n],
                                            "sha256": "00"} for n in page],
                                 "next": page[-1] if len(names) > 2 else ""})

    def one(self, objects, name, rest, body):
        name = urllib.parse.unquote(name)
        if name not in objects:
            return self.refuse(404, "no such item", f"there is no {name}", "/name", "sms list")
        changes = self.command == "DELETE" or rest in (["replace"], ["repair"])
        if changes and self.headers["If-Match"] != f'"{objects[name]}"':
            return self.refuse(412, "conflicts with another setting", "changed meanwhile")
        if self.command == "DELETE":
            del objects[name]
            return self.answer(204)
        if rest in (["export"], ["client-root"]):
            return self.answer(200, raw=b"FILE " + json.dumps(body).encode())
        if rest == ["history"]:
            return self.answer(200, {"items": [{"revision": objects[name], "who": "admin"}]})
        if changes:
            objects[name] += 1
        return self.answer(200, {"name": name, "revision": objects[name]},
                           [("ETag", f'"{objects[name]}"')])


class Server:
    """Context: listens on a port of 127.0.0.1; `asked` has every request."""

    def __init__(self, cert, key):
        self.asked, self.password = [], "correct horse battery"
        self.objects = {kind: {} for kind in KINDS}
        self.distributions = []  # one answer after the other, the last for good
        self.events, self.came = [], None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True,
                                               do_handshake_on_connect=False)
        self.http.sms = self
        self.url = f"https://127.0.0.1:{self.http.server_port}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


def decoded(text):
    return base64.b64decode(text, validate=True)
