# SPDX-License-Identifier: Apache-2.0
"""A real syslog server: rsyslog in a process of its own on loopback, which writes what it gets into a
file, a JSON object a message, by its own reading of RFC 5424."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from lib.smsd import Failure

START_S, END_S = 60, 30
CONFIG = """
global(workDirectory="{folder}" maxMessageSize="16k" net.enableDNS="off" {tls})
module(load="imtcp" {driver})
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="all")
template(name="message" type="list") {{
    constant(value="{{\\"host\\":\\"") property(name="hostname" format="json")
    constant(value="\\",\\"pri\\":\\"") property(name="pri")
    constant(value="\\",\\"app\\":\\"") property(name="app-name" format="json")
    constant(value="\\",\\"kind\\":\\"") property(name="msgid" format="json")
    constant(value="\\",\\"time\\":\\"") property(name="timereported" dateFormat="rfc3339")
    constant(value="\\",\\"data\\":\\"") property(name="structured-data" format="json")
    constant(value="\\",\\"text\\":\\"") property(name="msg" format="json")
    constant(value="\\"}}\\n")
}}
ruleset(name="all") {{ action(type="omfile" file="{out}" template="message" flushOnTXEnd="on") }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, timeout=60, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A CA that signs servers' certificates."""

    def __init__(self, folder, name="ca"):
        self.folder, self.key = folder, os.path.join(folder, name + ".key")
        self.path = os.path.join(folder, name + ".pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", f"/CN=CA {name}", "-keyout", self.key, "-out", self.path)
        with open(self.path, encoding="ascii") as src:
            self.pem = src.read()

    def sign(self, name, names):
        base = os.path.join(self.folder, name)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", base + ".key", "-out",
                base + ".csr")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.path, "-CAkey", self.key, "-days", "2",
                "-copy_extensions", "copy", "-out", base + ".crt")
        return base


class Rsyslog:
    """Started again it listens at the same port and goes on with the same file."""

    def __init__(self, folder, certificate=None, ca=None):
        self.folder = tempfile.mkdtemp(prefix="rsyslog-", dir=folder)
        self.out, self.port, self.child = os.path.join(self.folder, "out"), free_port(), None
        self.config = os.path.join(self.folder, "conf")
        tls = driver = ""
        if certificate:
            tls = (f'defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}"'
                   f' defaultNetstreamDriverCertFile="{certificate}.crt"'
                   f' defaultNetstreamDriverKeyFile="{certificate}.key"')
            driver = 'streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"'
        with open(self.config, "w", encoding="ascii") as to:
            to.write(CONFIG.format(folder=self.folder, port=self.port, out=self.out, tls=tls, driver=driver))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end(signal.SIGTERM)

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.child = subprocess.Popen(
                ["rsyslogd", "-n", "-f", self.config, "-i", os.path.join(self.folder, "pid")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.child.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as src:
            raise Failure("rsyslogd does not serve:\n" + src.read())

    def end(self, number):
        if self.child:
            self.child.send_signal(number)
            self.child.wait(END_S)
            self.child = None

    def messages(self):
        """All so far; the last line may be half there."""
        if not os.path.exists(self.out):
            return []
        with open(self.out, encoding="utf-8") as src:
            return [json.loads(text) for text in src.read().split("\n")[:-1]]
