# SPDX-License-Identifier: Apache-2.0
"""What a case reads and writes in smsd's database from outside, whichever it is: SQLite in its data
directory, or one of PostgreSQL of its own on the server that the tests of this source tree share."""

import contextlib
import os
import select
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                             "lib"))

import postgresql  # noqa: E402

FIELD, RECORD, END = "\x1f", "\x1e", "\x04"
ANSWER_S = 60


class Sqlite:
    """`data`: smsd's directory."""

    def __init__(self, data):
        self.path = os.path.join(data, "sms.db")

    def rows(self, text, values=()):
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as db, db:
            return db.execute(text, values).fetchall()

    def dump(self):
        """Its bytes, beyond those of the directory's files."""
        return b""

    def close(self):
        pass


def literal(value):
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::bytea"
    return "'" + value.replace("'", "''") + "'"


class Postgresql:
    """By one psql that stays, since starting one takes longer than most cases have."""

    count = 0

    def __init__(self, server):
        Postgresql.count += 1
        self.server = server
        self.name = f"api_{os.getpid()}_{Postgresql.count}"
        self.connection = server.create(self.name)
        self.child = None
        self.lock = threading.Lock()  # cases have threads, and one psql

    def start(self):
        self.child = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-F", FIELD, "-R", RECORD, self.connection],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)

    def ask(self, text):
        if self.child is None:
            self.start()
        self.child.stdin.write(f"{text};\n\\echo {END}\n".encode())
        came, until = b"", time.monotonic() + ANSWER_S
        while not came.endswith(f"{END}\n".encode()):
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, until - time.monotonic()))
            piece = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise RuntimeError(f"psql has no answer to {text}: {came[-500:]!r}")
            came += piece
        said = came.decode()[:-2]
        if said.startswith("ERROR"):
            raise RuntimeError(said)
        return said

    def rows(self, text, values=()):
        parts = text.split("?")
        whole = parts[0] + "".join(literal(v) + p for v, p in zip(values, parts[1:], strict=True))
        with self.lock:
            said = self.ask(whole)
        return [tuple(int(f) if f.lstrip("-").isdigit() else bytes.fromhex(f[2:]) if f[:2] == "\\x" else f
                      for f in record.split(FIELD)) for record in said.rstrip("\n").split(RECORD) if record]

    def dump(self):
        return self.server.run("pg_dump", f"host={self.server.folder} user=tests dbname={self.name}").encode()

    def close(self):
        if self.child is not None:
            self.child.stdin.close()
            self.child.stdout.close()
            self.child.wait()
            self.child = None
        self.server.drop(self.name)
