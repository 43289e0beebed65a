# SPDX-License-Identifier: Apache-2.0
"""The peers of the outbound cases, those that forge certificates for whatever site is asked for.
All sign with the same P-256 CA and, where it can be set, show P-256 leaves."""

import os
import shutil
import stat

from . import peers
from . import place as places
from .cases import CROWD_PORT, LEFT_ALONE, bypassed
from .place import BOX, ORIGIN, run

CONNECT_PORT = 3128


class Forger(peers.Proxy):
    ports = [CONNECT_PORT]
    tunnel = f"{BOX}:{CONNECT_PORT}"  # where clients ask for the server; None: they need not ask

    def start(self):
        shutil.rmtree(self.root, ignore_errors=True)
        os.makedirs(self.root)
        self.ca("forge.pem", certificate_first=True)
        super().start()

    def ca(self, name, certificate_first):
        """The signing CA with its key in one file."""
        path = os.path.join(self.root, name)
        parts = ("forge.pem", "forge.key") if certificate_first else ("forge.key", "forge.pem")
        with open(path, "w", encoding="ascii") as out:
            os.fchmod(out.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            for part in parts:
                with open(self.place.keys.pki.path(part), encoding="ascii") as src:
                    out.write(src.read())
        return path


class Sslsplit(Forger):
    """To one server; it does not verify it, and cannot be told to."""
    ports = [CROWD_PORT]
    tunnel = None

    def commands(self):
        pki = self.place.keys.pki
        yield "sslsplit", ["sh", "-c", 'exec sslsplit "$@" >/dev/null 2>&1', "sslsplit", "-D", "-Z",
                           "-u", "nobody", "-k", pki.path("forge.key"), "-c", pki.path("forge.pem"),
                           "-K", pki.path("leaf.key"), "ssl", BOX, str(CROWD_PORT), ORIGIN,
                           str(CROWD_PORT)]


class Squid(Forger):
    slow_sites = 10

    def commands(self):
        config = os.path.join(self.root, "squid.conf")
        places.fill("squid.conf", self.values(), config)
        run("/usr/lib/squid/security_file_certgen", "-c", "-s",
            os.path.join(self.root, "certificates"), "-M", "256MB")
        run("chown", "-R", "proxy:proxy", self.root)
        yield "squid", ["squid", "-f", config, "--foreground"]


class Mitmproxy(Forger):
    slow_sites = 10

    def commands(self):
        self.ca("mitmproxy-ca.pem", certificate_first=False)
        pki = self.place.keys.pki
        yield "mitmproxy", ["mitmdump", "-q", "--flow-detail", "0", "--listen-host", BOX,
                            "--listen-port", str(CONNECT_PORT), "-s",
                            os.path.join(places.PEERS, "mitmproxy.py"), "--set",
                            f"confdir={self.root}", "--set", "stream_large_bodies=1", "--set",
                            f"ssl_verify_upstream_trusted_ca={pki.path('ca.pem')}"]


class Sluice(peers.Sluice):
    template = "tpsd-outbound.yaml"

    def values(self):
        return {**super().values(), "PORT": CROWD_PORT, "LEFT_ALONE": LEFT_ALONE}

    def after(self, sample):
        if not bypassed(sample.case):
            return super().after(sample)
        grown = self.counter() - self.inspected
        return [f"the engine read {grown} bytes of what nobody may decrypt"] if grown else []


# name: (class, kind of place)
TABLE = {"direct": (peers.Wire, "direct"), "bridge": (peers.Wire, "bridge"),
         "sslsplit": (Sslsplit, "peer"), "squid": (Squid, "peer"), "mitmproxy": (Mitmproxy, "peer"),
         "sluice": (Sluice, "sluice")}
RIVALS = ("sslsplit", "squid", "mitmproxy")
