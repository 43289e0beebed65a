# SPDX-License-Identifier: Apache-2.0
"""TLS over a connection spoken by hand: OpenSSL makes and reads the records in memory, the
connection decides how they travel.
"""

import ssl

from .conn import Ended

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1,
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def make_context(options):
    """options: version, alpn, ca, suites; cert and key make it a server's."""
    server = "cert" in options
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if server:
        context.load_cert_chain(options["cert"], options["key"])
    elif options.get("ca"):
        context.load_verify_locations(options["ca"])
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.get("version"):
        version = VERSIONS[str(options["version"])]
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    if options.get("suites"):
        context.set_ciphers(options["suites"])
    if options.get("alpn"):
        context.set_alpn_protocols(options["alpn"])
    return context


def cut_records(data, size):
    """The same handshake bytes in records of at most `size` bytes."""
    out, at = b"", 0
    while at + 5 <= len(data):
        length = int.from_bytes(data[at + 3:at + 5], "big")
        body = data[at + 5:at + 5 + length]
        for start in range(0, len(body), size):
            part = body[start:start + size]
            out += data[at:at + 3] + len(part).to_bytes(2, "big") + part
        at += 5 + length
    return out


class Tls:
    def __init__(self, conn, options):
        self.conn = conn
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = "cert" in options
        name = None if self.server else options.get("sni")
        context = make_context(options)
        if name is None and not self.server:
            context.check_hostname = False
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_side=self.server,
                                       server_hostname=name)

    def first_flight(self):
        """The ClientHello's bytes, not sent yet."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def flush(self, how):
        data = self.outgoing.read()
        if data:
            self.conn.write(data, how)

    def feed(self):
        if self.conn.data:
            self.incoming.write(self.conn.data)
            self.conn.data = b""

    def run(self, action, seconds, how=None):
        """Calls `action` until it no longer wants to read. Ended when the connection ends."""
        while True:
            try:
                result = action()
                self.flush(how or {})
                return result
            except ssl.SSLWantReadError:
                self.flush(how or {})
            except ssl.SSLZeroReturnError as err:
                raise Ended("closed") from err
            except ssl.SSLError as err:
                self.flush(how or {})
                raise Ended(f"tls: {err.reason or err}") from err
            if not self.conn.pump(lambda: self.conn.data or self.conn.peer_fin, seconds):
                raise Ended("silent")
            if not self.conn.data and self.conn.peer_fin:
                raise Ended("closed")
            self.feed()

    def handshake(self, seconds, how):
        self.run(self.object.do_handshake, seconds, how)

    def write(self, data, record_size, how):
        """Encrypts `data`, a record each `record_size` bytes, and sends it."""
        for at in range(0, len(data), record_size or max(1, len(data))):
            self.object.write(data[at:at + record_size] if record_size else data)
        self.flush(how)

    def read(self, seconds):
        """Some bytes; none when the other end said that these were all."""
        return self.run(lambda: self.object.read(65536), seconds)
