# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for tests: the newest that is installed, on a socket in a folder of its own, as
a user that is not root, with a password. One is shared by all tests of a source tree that run side
by side or one after the other; a keeper ends it when nobody has used it for some seconds, whatever
became of them."""

import contextlib
import fcntl
import glob
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_S, IDLE_S, STEP_S = 120, 10, 0.5
# What the tests ask of smsd is not what a disk does when the power fails.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {"listen_addresses": "", "max_connections": "300", "shared_buffers": "64MB",
            "max_wal_size": "512MB", "log_min_messages": "warning", "jit": "off"}


class Missing(Exception):
    """There is no PostgreSQL, or it does not start."""


def programs():
    """The folder of the newest version's programs."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        raise Missing("PostgreSQL is not installed: packaging/deps test")
    return os.path.dirname(max(found, key=lambda p: int(p.split("/")[4])))


def identity():
    """Arguments that make a child run as a user whom initdb takes."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Missing("there is no user that PostgreSQL could run as")


class Server:
    """In `folder`, which is made and belongs to it; `settings` as in postgresql.conf."""

    def __init__(self, folder, settings=()):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.settings = {**SETTINGS, **dict(settings), "unix_socket_directories": folder}
        self.password = secrets.token_hex(16)

    def run(self, program, *argv):
        done = subprocess.run([os.path.join(programs(), program), *argv], cwd="/", text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=START_S, check=False,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C",
                                   "PGPASSWORD": self.password}, **identity())
        if done.returncode != 0:
            raise Missing(f"{program}: {done.stdout[-2000:]}")
        return done.stdout

    def connection(self, database="postgres"):
        return (f"host={self.folder} user=tests password={self.password} dbname={database}")

    def make(self):
        os.makedirs(self.folder, mode=0o755)
        who = identity()
        if who:
            os.chown(self.folder, who["user"], who["group"])
        secret = os.path.join(self.folder, "password")
        with open(secret, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as out:
            out.write(self.password + "\n")
        if who:
            os.chown(secret, who["user"], who["group"])
        self.run("initdb", "-D", self.data, "-U", "tests", "--pwfile", secret, "--auth",
                 "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as out:
            out.writelines(f"{name} = '{value}'\n" for name, value in self.settings.items())
        return self

    def start(self):
        self.run("pg_ctl", "start", "-w", "-D", self.data, "-t", str(START_S), "-l",
                 os.path.join(self.folder, "log"))
        return self

    def stop(self, mode="fast"):
        """fast: sessions are ended; immediate: as after a crash."""
        self.run("pg_ctl", "stop", "-w", "-D", self.data, "-m", mode)

    def sql(self, text, database="postgres"):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text,
                        f"host={self.folder} user=tests dbname={database}")

    def create(self, name):
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.connection(name)

    def drop(self, name):
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def remove(self):
        with contextlib.suppress(Missing):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def own(settings=()):
    """A server of the caller's alone; it may stop it and start it again."""
    server = Server(os.path.join(tempfile.mkdtemp(prefix="sluice-pg-"), "server"), settings)
    os.chmod(os.path.dirname(server.folder), 0o755)
    try:
        yield server.make().start()
    finally:
        server.remove()
        shutil.rmtree(os.path.dirname(server.folder), ignore_errors=True)


# ---- the one that is shared -----------------------------------------------------------------

def place():
    """Where it is: one a user and a source tree."""
    name = hashlib.sha256(ROOT.encode()).hexdigest()[:8]
    return os.path.join(tempfile.gettempdir(), f"sluice-pg-{os.geteuid()}-{name}")


def opened(name):
    return os.open(f"{place()}.{name}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def locked(descriptor, how):
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def keep(ready):
    """The keeper's life: starts the server, says so, ends it when nobody uses it any more."""
    os.setsid()
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    # Locks that came along from whoever started it would be held by both.
    os.dup2(ready, 3)
    ready = 3
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    alive, door, users = opened("keeper"), opened("door"), opened("users")
    fcntl.flock(alive, fcntl.LOCK_EX)
    server = Server(place(), FAST)
    server.remove()
    try:
        server.make().start()
        with open(f"{place()}.connection", "w", encoding="utf-8",
                  opener=lambda p, f: os.open(p, f, 0o600)) as out:
            out.write(server.connection())
        os.write(ready, b"+" + server.connection().encode())
    except (Missing, OSError, subprocess.SubprocessError) as err:
        os.write(ready, b"-" + str(err).encode())
        server.remove()
        return
    os.close(ready)
    idle = 0.0
    while True:
        time.sleep(STEP_S)
        if not locked(door, fcntl.LOCK_EX):
            continue
        idle = idle + STEP_S if locked(users, fcntl.LOCK_EX) else 0.0
        if idle >= IDLE_S:
            server.remove()
            return
        fcntl.flock(users, fcntl.LOCK_UN)
        fcntl.flock(door, fcntl.LOCK_UN)


def start_keeper():
    """What it says: the connection string."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        # Not ours to wait for, nor anybody's that waits for us.
        if os.fork() == 0:
            try:
                os.close(here)
                keep(there)
            finally:
                os._exit(0)
        os._exit(0)
    os.close(there)
    os.waitpid(child, 0)
    with os.fdopen(here, "rb") as src:
        said = src.read().decode()
    if not said.startswith("+"):
        raise Missing(said[1:] or "PostgreSQL does not start")
    return said[1:]


def shared():
    """The connection string of the shared server, and a descriptor: while somebody has that open,
    the server is there."""
    door, alive = opened("door"), opened("keeper")
    fcntl.flock(door, fcntl.LOCK_EX)
    try:
        users = opened("users")
        fcntl.flock(users, fcntl.LOCK_SH)
        os.set_inheritable(users, True)
        if locked(alive, fcntl.LOCK_EX):
            fcntl.flock(alive, fcntl.LOCK_UN)
            return start_keeper(), users
        with open(f"{place()}.connection", encoding="utf-8") as src:
            return src.read(), users
    finally:
        os.close(alive)
        os.close(door)


def server_of(connection):
    """A Server that is there already, to make databases in."""
    parts = dict(part.split("=", 1) for part in connection.split())
    server = Server(parts["host"])
    server.password = parts["password"]
    return server
