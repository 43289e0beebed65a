# SPDX-License-Identifier: Apache-2.0
"""What a bystander can read of a TLS connection: both hellos, the server's certificate up to
TLS 1.2, and whether alerts went by in the clear. Used to prove from outside whether a connection
was terminated on its way (its two ends then saw different ClientHello randoms).
"""

import hashlib
import struct

HANDSHAKE, ALERT = 22, 21
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11


def records(data):
    """(type, body) of the whole records that `data` begins with."""
    at = 0
    while at + 5 <= len(data) and data[at + 1] == 3:
        kind, size = data[at], struct.unpack_from("!H", data, at + 3)[0]
        if at + 5 + size > len(data):
            return
        yield kind, data[at + 5:at + 5 + size]
        at += 5 + size


def handshakes(data):
    """(type, body) of the handshake messages sent in the clear."""
    text = b""
    for kind, body in records(data):
        if kind != HANDSHAKE:
            break
        text += body
    at = 0
    while at + 4 <= len(text):
        size = int.from_bytes(text[at + 1:at + 4], "big")
        if at + 4 + size > len(text):
            return
        yield text[at], text[at + 4:at + 4 + size]
        at += 4 + size


def _skip(body, at, width):
    return at + width + int.from_bytes(body[at:at + width], "big")


def extensions(body, at):
    out = {}
    end = min(len(body), at + 2 + int.from_bytes(body[at:at + 2], "big"))
    at += 2
    while at + 4 <= end:
        kind, size = struct.unpack_from("!HH", body, at)
        out[kind] = body[at + 4:at + 4 + size]
        at += 4 + size
    return out


def client_hello(data):
    """{'random', 'sni'} of the stream's ClientHello, or None."""
    for kind, body in handshakes(data):
        if kind != CLIENT_HELLO or len(body) < 38:
            return None
        at = _skip(body, _skip(body, _skip(body, 34, 1), 2), 1)
        names = extensions(body, at).get(0, b"")
        return {"random": body[2:34].hex(), "sni": names[5:].decode("ascii", "replace")}
    return None


def server_hello(data):
    """{'random', 'version', 'suite', 'certificate'} of the server's first flight, or None."""
    found = None
    for kind, body in handshakes(data):
        if kind == SERVER_HELLO and len(body) >= 38:
            at = _skip(body, 34, 1)
            version = extensions(body, at + 3).get(43, body[:2])
            found = {"random": body[2:34].hex(), "version": version.hex(),
                     "suite": body[at:at + 2].hex(), "certificate": None}
        if kind == CERTIFICATE and found and len(body) > 6:
            size = int.from_bytes(body[3:6], "big")
            found["certificate"] = hashlib.sha256(body[6:6 + size]).hexdigest()
    return found


def alerts(data):
    """(level, description) of alerts sent before encryption began."""
    return [(body[0], body[1]) for kind, body in records(data) if kind == ALERT and len(body) == 2]
