# SPDX-License-Identifier: Apache-2.0
"""A server that is every site: for each name that a client asks for it has a certificate of its own,
made when it is first asked for. Answers each request with its Host and closes.

usage: crowd.py ADDRESS PKI FOLDER
"""

import asyncio
import os
import re
import ssl
import subprocess
import sys

EXTENSIONS = ("basicConstraints=CA:FALSE\nsubjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n"
              "keyUsage=digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
PATIENCE_S = 60


class Sites:
    def __init__(self, pki, folder):
        self.pki = pki
        self.folder = folder
        self.contexts = {}

    def make_certificate(self, name):
        """Leaf and intermediate; all sites have the lab's one key of `crowd`."""
        extensions = os.path.join(self.folder, "extensions")
        with open(extensions, "w", encoding="ascii") as out:
            out.write(EXTENSIONS.format(name=name))
        leaf = subprocess.run(
            ["openssl", "x509", "-req", "-in", f"{self.pki}/crowd.csr", "-CA", f"{self.pki}/chain.pem",
             "-CAkey", f"{self.pki}/intermediate.key", "-set_serial", "0x" + os.urandom(12).hex(),
             "-days", "30", "-extfile", extensions], check=True, capture_output=True, text=True).stdout
        path = os.path.join(self.folder, "fullchain.pem")
        with open(f"{self.pki}/chain.pem", encoding="ascii") as src, \
                open(path, "w", encoding="ascii") as out:
            out.write(leaf + src.read())
        return path

    def context(self, name):
        if name not in self.contexts:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            made.load_cert_chain(self.make_certificate(name), f"{self.pki}/crowd.key")
            self.contexts[name] = made
        return self.contexts[name]

    def choose(self, conn, name, _context):
        """The callback for the SNI; a name that is none ends the handshake."""
        if not name or not re.fullmatch(r"[a-z0-9.-]{1,200}", name):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        conn.context = self.context(name)
        return None


async def answer(reader, writer):
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        host = re.search(rb"\r\nHost: *([^\r]*)", head)
        body = b"This is %s\n" % (host.group(1) if host else b"nobody")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
    except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError):
        pass
    finally:
        writer.close()


async def serve(address, pki, folder):
    sites = Sites(pki, folder)
    first = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    first.load_cert_chain(sites.make_certificate("crowd.test"), f"{pki}/crowd.key")
    first.sni_callback = sites.choose
    server = await asyncio.start_server(answer, address, 443, ssl=first, backlog=1024,
                                        ssl_handshake_timeout=PATIENCE_S)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
