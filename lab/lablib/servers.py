# SPDX-License-Identifier: Apache-2.0
"""The real servers of the lab, each a table row: how it is set up and started, and when it is up.
They run in the foreground under lab/lab's tracking, with everything they write below the lab's
state folder. Templates are in lab/hosts/, filled in with @NAME@.
"""

import os
import pwd
import re

from . import faults, internet
from .box import lab_tool
from .proc import LabError, in_netns, run, wait_for

HOSTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hosts")
PYTHON = "/usr/bin/python3"
SECRET = "lab-secret-4f1d9c27-do-not-leak"
CROWD, CROWD_SITES = "10.10.0.201", 5000
SIZES = {"16k": 16 << 10, "1m": 1 << 20}


def template(name):
    with open(os.path.join(HOSTS, name), encoding="utf-8") as src:
        return src.read()


def fill(text, values):
    return re.sub(r"@([A-Z_]+)@", lambda m: str(values[m.group(1)]), text)


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def size_of(text):
    """'16k', '300m', '1g' or plain bytes."""
    match = re.fullmatch(r"(\d+)([kmg]?)", text.lower())
    if not match:
        raise LabError(f"size '{text}': use a number with k, m or g")
    return int(match.group(1)) << {"": 0, "k": 10, "m": 20, "g": 30}[match.group(2)]


def make_file(path, size):
    """A file of bytes that repeat nowhere (a cipher's stream), so a mix-up cannot go unnoticed."""
    if os.path.exists(path) and os.path.getsize(path) == size:
        return
    key = "00112233445566778899aabbccddeeff"
    run("sh", "-c", 'head -c "$1" /dev/zero | openssl enc -aes-128-ctr -K "$2" -iv "$2" -out "$3"',
        "make_file", str(size), key, path)


class Servers:
    """Starts and stops servers of one lab. `host` is where they run (default `server`)."""

    def __init__(self, lab):
        self.lab = lab
        self.state = lab.state
        self.kinds = {"nginx": self.nginx, "internet": self.internet, "faults": self.faults,
                      "crowd": self.crowd, "openssl": self.openssl, "dovecot": self.dovecot, "smtpd": self.smtpd}

    def folder(self, *parts):
        return os.path.join(self.state, "servers", *parts)

    def start(self, kind, host="server", sizes=()):
        """Starts one kind on a host, sets it up anew; waits until its ports listen."""
        if kind not in self.kinds:
            raise LabError(f"no server '{kind}'; there are: {', '.join(self.kinds)}")
        self.lab.pki.ensure()
        name = kind if host == "server" else f"{kind}-{host}"
        self.stop(kind, host)
        ports, programs = self.kinds[kind](name, host, sizes)
        for label, argv in programs:
            self.lab.tracked.start(label, argv, netns=self.lab.topo.ns(host))

        def up():
            for label, _ in programs:
                if not self.lab.tracked.alive(label):
                    raise LabError(f"{label} ended at its start:\n" +
                                   self.lab.tracked.log_tail(label))
            return self.listening(host, ports)
        wait_for(f"{name} to listen on {' '.join(ports)}", up, 10)

    def stop(self, kind, host="server"):
        name = kind if host == "server" else f"{kind}-{host}"
        for label in self.lab.tracked.names():
            if label == name or label.startswith(name + "."):
                self.lab.tracked.stop(label)

    def listening(self, host, ports):
        """Whether there is a listener for each ":PORT" of any address or "ADDRESS:PORT"."""
        out = run(*in_netns(self.lab.topo.ns(host), ["ss", "-Hltn"])).stdout
        local = [line.split()[3] for line in out.splitlines()]
        return all(any(at == port or port.startswith(":") and at.endswith(port) for at in local)
                   for port in ports)

    def nginx(self, name, host, sizes):
        """Sites shop.test (RSA and P-256) and blog.test (P-256) by SNI on one address."""
        www = self.folder(name, "www")
        for site in ("shop", "blog"):
            write(os.path.join(www, f"{site}.html"),
                  f"<!doctype html><title>{site}</title><p>This is the {site} site.\n")
        return [":80", ":443"], self.web(name, template("shops.conf"), sizes)

    def internet(self, name, host, sizes):
        """Many sites, each on an address of its own (internet.py)."""
        internet.ensure(self.lab.pki)
        self.lab.topo.add_addresses(host, internet.addresses())
        web = self.web(name, internet.nginx_servers(), sizes, careless=True)
        odd = [PYTHON, os.path.join(HOSTS, "odd.py"), *internet.odd_options()]
        return [f"{a}:443" for a in internet.addresses()], [*web, (name + ".odd", odd)]

    def faults(self, name, host, sizes):
        """A site for each fault of a certificate, by SNI on one address (faults.py)."""
        faults.ensure(self.lab.pki)
        self.lab.topo.add_addresses(host, [faults.ADDRESS])
        return [faults.ADDRESS + ":443"], self.web(name, faults.nginx_servers(), sizes, careless=True)

    def crowd(self, name, host, sizes):
        """Thousands of sites on one address, each with a certificate of its own (lab/crowd.h)."""
        pki = self.lab.pki
        self.lab.topo.add_addresses(host, [CROWD])
        argv = [lab_tool("crowd"), "--listen", f"{CROWD}:443", "--issuer", pki.path("chain.pem"),
                "--issuer-key", pki.path("intermediate.key"), "--sites", str(CROWD_SITES),
                "--workers", "1"]
        return [CROWD + ":443"], [(name, argv)]

    def web(self, name, servers, sizes, careless=False):
        """An nginx with these server blocks and the backend: its programs. A careless one shows what
        a careful library refuses to show."""
        root = self.folder(name)
        www = os.path.join(root, "www")
        for part in ("www", "logs", "tmp"):
            os.makedirs(os.path.join(root, part), exist_ok=True)
        for label in [*SIZES, *sizes]:
            make_file(os.path.join(www, f"bulk-{label}"), size_of(label))
        write(os.path.join(www, "secret"), SECRET + "\n")
        write(os.path.join(www, "robots.txt"), "User-agent: *\nDisallow: /cgi-bin/\n")
        socket = os.path.join(root, "backend.sock")
        values = {"ROOT": root, "PKI": self.lab.pki.folder, "BACKEND": socket}
        parts = {n: template(n) for n in ("nginx.conf", "site.conf")}
        for part, text in {**parts, "servers.conf": servers}.items():
            write(os.path.join(root, part), fill(text, values))
        backend = [PYTHON, os.path.join(HOSTS, "backend.py"), socket]
        server = ["nginx", "-e", os.path.join(root, "logs/error.log"), "-p", root, "-c",
                  os.path.join(root, "nginx.conf")]
        if careless:
            server = ["env", "OPENSSL_CONF=" + os.path.join(HOSTS, "openssl.cnf"), *server]
        return [(name, server), (name + ".backend", backend)]

    def openssl(self, name, host, sizes):
        """openssl s_server: an answer that shows the session, on 8443."""
        pki = self.lab.pki
        argv = ["openssl", "s_server", "-accept", "8443", "-cert", pki.path("shop.pem"), "-key",
                pki.path("shop.key"), "-cert_chain", pki.path("chain.pem"), "-dcert",
                pki.path("shop-ec.pem"), "-dkey", pki.path("shop-ec.key"), "-dcert_chain",
                pki.path("chain.pem"), "-www", "-quiet"]
        return [":8443"], [(name, argv)]

    def dovecot(self, name, host, sizes):
        """IMAPS on 993 and POP3S on 995, user `lab` with password `lab`, one message."""
        root = self.folder(name)
        user = pwd.getpwnam("nobody")
        mail = os.path.join(root, "mail")
        for folder in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(mail, folder), exist_ok=True)
        with open(os.path.join(HOSTS, "message.eml"), encoding="ascii") as src:
            write(os.path.join(mail, "cur", "1.lab:2,S"), src.read())
        for folder, _, files in os.walk(mail):
            for item in [folder, *(os.path.join(folder, f) for f in files)]:
                os.chown(item, user.pw_uid, user.pw_gid)
        write(os.path.join(root, "users"), f"lab:{{PLAIN}}lab:{user.pw_uid}:{user.pw_gid}::{mail}::\n")
        write(os.path.join(root, "dovecot.conf"),
              fill(template("dovecot.conf"), {"ROOT": root, "PKI": self.lab.pki.folder, "MAIL": mail}))
        return [":993", ":995"], [(name, ["dovecot", "-F", "-c", os.path.join(root, "dovecot.conf")])]

    def smtpd(self, name, host, sizes):
        """SMTP over TLS on 465; each message accepted is a JSON line in messages.json."""
        root = self.folder(name)
        os.makedirs(root, exist_ok=True)
        argv = [PYTHON, os.path.join(HOSTS, "smtpd.py"), "--port", "465", "--cert",
                self.lab.pki.path("mail.fullchain.pem"), "--key", self.lab.pki.path("mail.key"),
                "--log", os.path.join(root, "messages.json")]
        return [":465"], [(name, argv)]
