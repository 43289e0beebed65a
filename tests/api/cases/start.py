# SPDX-License-Identifier: Apache-2.0
"""The program itself: what it makes at its first start, what it refuses, how it ends."""

import os
import shutil
import stat

from lib.smsd import Client, Smsd, check


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def status_file(smsd, pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as src:
        return dict(line.rstrip("\n").split(":\t", 1) for line in src if ":\t" in line)


def case_first_start_makes_all_for_itself_alone(smsd, client):
    """Directory and files are closed to others, and belong to whoever serves."""
    check(mode(smsd.data) == 0o700, f"{mode(smsd.data):o}")
    uid = os.stat(smsd.data).st_uid
    for name in ("initial-password", "vault.key", "server.key", *([] if smsd.database_file else ["sms.db"])):
        path = os.path.join(smsd.data, name)
        check(mode(path) & 0o077 == 0, f"{name}: {mode(path):o}")
        check(os.stat(path).st_uid == uid, f"{name} is another's")
    check("keep it apart" in smsd.log(), "a word about the key")
    check("SHA-256" in smsd.log(), "the fingerprint")
    check(len(smsd.password()) >= 16, "the password is short")


def case_privileges_are_given_up(smsd, client):
    """No root, no capability, nothing to come."""
    status = status_file(smsd, smsd.child.pid)
    check("0" not in status["Uid"].split(), status["Uid"])
    check("0" not in status["Gid"].split(), status["Gid"])
    check(int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0, status["CapEff"])
    check(status["NoNewPrivs"] == "1", "privileges may come")
    if os.geteuid() == 0:
        check(int(status["CapBnd"], 16) == 0, status["CapBnd"])


def case_second_smsd_on_the_same_data_is_refused(smsd, client):
    """Exit status 5, and the first goes on."""
    code, said = smsd.run("--data", smsd.data, "--listen", "127.0.0.1:0", "--listen-devices",
                          "127.0.0.1:0")
    check(code == 5, f"{code}: {said}")
    client.request("GET", "/version").must(200)


def case_port_that_is_taken_is_told(fresh, client):
    """The address and why, and all is closed again."""
    other = Smsd(os.path.dirname(os.path.dirname(fresh.program)))
    other.start()
    try:
        fresh.start()
        fresh.stop()
        code, said = fresh.run("--data", fresh.data, "--listen", f"127.0.0.1:{other.port}",
                               "--listen-devices", "127.0.0.1:0")
        check(code == 1 and f"port {other.port}" in said, f"{code}: {said}")
    finally:
        other.close()


def case_starts_again_with_the_same_identity(fresh, client):
    """The certificate stays, no second password is written, --check is content."""
    fresh.start()
    os.unlink(os.path.join(fresh.data, "initial-password"))
    with open(os.path.join(fresh.data, "server.crt"), "rb") as src:
        before = src.read()
    check(fresh.stop() == 0, "the end")
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 0, f"--check: {code}: {said}")
    fresh.start()
    with open(os.path.join(fresh.data, "server.crt"), "rb") as src:
        check(src.read() == before, "another certificate")
    check(not os.path.exists(os.path.join(fresh.data, "initial-password")), "another password")
    client.request("GET", "/version").must(200)


def case_lost_or_wrong_key_is_refused(fresh, client):
    """Never a new key over old data; a key that others can read is none."""
    fresh.start()
    check(fresh.stop() == 0, "the end")
    key = os.path.join(fresh.data, "vault.key")
    shutil.move(key, key + ".away")
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 3 and "vault.key" in said, f"without: {code}: {said}")
    check(not os.path.exists(key), "a new key was made")
    with open(key, "w", encoding="utf-8") as out:
        out.write("0" * 64)
    os.chmod(key, 0o600)
    os.chown(key, os.stat(fresh.data).st_uid, os.stat(fresh.data).st_gid)
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 3, f"another: {code}: {said}")
    shutil.move(key + ".away", key)
    os.chmod(key, 0o644)
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 3 and "chmod" in said, f"open: {code}: {said}")
    os.chmod(key, 0o600)
    fresh.start()


def case_data_that_others_can_read_is_refused(fresh, client):
    """With the chmod to do."""
    fresh.start()
    check(fresh.stop() == 0, "the end")
    os.chmod(fresh.data, 0o750)
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 3 and "chmod 700" in said, f"{code}: {said}")
    os.chmod(fresh.data, 0o700)
    fresh.start()


def case_passphrase_opens_the_vault(fresh, client):
    """Instead of a key file; another one does not."""
    path = os.path.join(fresh.folder, "passphrase")
    with open(path, "w", encoding="utf-8") as out:
        out.write("correct horse battery\n")
    os.chmod(path, 0o600)
    fresh.keep_secret("correct horse battery")
    fresh.start("--passphrase-file", path)
    check(not os.path.exists(os.path.join(fresh.data, "vault.key")), "a key file was made")
    check(fresh.stop() == 0, "the end")
    with open(path, "w", encoding="utf-8") as out:
        out.write("wrong horse battery\n")
    code, said = fresh.run("--data", fresh.data, "--passphrase-file", path, "--check")
    check(code == 3, f"{code}: {said}")
    with open(path, "w", encoding="utf-8") as out:
        out.write("correct horse battery\n")
    fresh.start("--passphrase-file", path)


def case_usage_is_status_2(smsd, client):
    """What cannot be meant is refused before anything is made."""
    for argv in ([], ["--data"], ["--data", "/x", "y"], ["--nonsense"], ["--data", "/x", "--listen", "1:x"],
                 ["--data", "/x", "--listen", "[::1"], ["--data", "/x", "--listen-devices", "::1:"], ["--data", "/x", "--listen", "a:70000"],
                 ["--data", "/x", "--key-file", "a", "--passphrase-file", "b"]):
        code, said = smsd.run(*argv)
        check(code == 2, f"{argv}: {code}: {said}")
    code, said = smsd.run("--version")
    check(code == 0 and said.startswith("smsd "), said)
    code, said = smsd.run("--help")
    check(code == 0 and "--data" in said, said)
    if os.geteuid() == 0:
        code, said = smsd.run("--data", "/nonexistent/x", "--user", "nobody-of-this-name")
        check(code == 4, f"{code}: {said}")


def case_sigterm_answers_what_is_under_way(fresh, client):
    """A request whose last byte comes after the signal is still answered."""
    fresh.start()
    connection = client.tls()
    connection.sendall(b"GET /api/v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
    other = Client(fresh, client.source)
    other.request("GET", "/version").must(200)
    fresh.child.terminate()
    while "ends, for signal" not in fresh.log():
        check(fresh.child.poll() is None, "it is gone")
    connection.sendall(b"\r\n")
    answer = b""
    while True:
        piece = connection.recv(4096)
        if not piece:
            break
        answer += piece
    check(b"200 OK" in answer and b'"smsd"' in answer, f"{answer!r}")
