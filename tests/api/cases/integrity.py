# SPDX-License-Identifier: Apache-2.0
"""Certificates with their keys in bad company: what never leaves, what two change at once, what is
broken,
and what a death in the middle leaves."""

import base64
import errno
import http.client
import os
import shutil
import subprocess
import threading
import time

from cases.events import found, line, numbers, send
from cases.session import enter
from lib.box import Box
from lib.smsd import Client, Failure, Smsd, check

CAS = 12


def openssl(*argv, **how):
    return subprocess.run(["openssl", *argv], check=True, stdin=how.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, **how).stdout


def make_key():
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def self_signed(folder, key, name, ca=False):
    """PEM of a certificate of this key."""
    path = os.path.join(folder, "key.pem")
    with open(path, "wb") as out:
        out.write(key)
    return openssl("req", "-x509", "-new", "-key", path, "-subj", f"/CN={name}", "-days", "30",
                   "-addext", f"subjectAltName=DNS:{name}", "-addext",
                   "basicConstraints=critical,CA:" + ("TRUE" if ca else "FALSE"), "-config", "/dev/null")


def text(data):
    return base64.b64encode(data).decode()


def secret_forms(key):
    """The private number as a file might have it, and lines of its PEM."""
    der = base64.b64decode("".join(key.decode().splitlines()[1:-1]))
    at = der.index(b"\x02\x01\x01\x04\x20") + 5
    return der[at:at + 32], key.decode().splitlines()[1]


def import_one(client, name, cert, key, **more):
    body = {"name": name, "file": text(cert), "key": text(key), **more}
    return client.request("POST", "/certificates", body)


def names(client, collection):
    """All of a collection, page by page."""
    found, after = [], ""
    while True:
        page = client.request("GET", f"/{collection}?limit=50&after={after}").must(200).json
        found += [item["name"] for item in page["items"]]
        after = page.get("next", "")
        if not after:
            return found


def case_private_key_comes_in_and_never_leaves(fresh, client):
    """Not in an answer, not in the log, not in the data, while it runs and afterwards."""
    fresh.start()
    enter(fresh, client)
    key = make_key()
    number, line = secret_forms(key)
    fresh.keep_secret(line)
    import_one(client, "shop", self_signed(fresh.folder, key, "shop.example"), key).must(201)
    for path in ("/certificates", "/certificates/shop", "/certificates/shop/history", "/audit"):
        answer = client.request("GET", path).must(200)
        check(number not in answer.bytes and number.hex() not in answer.bytes.decode().lower(), path)
    export = {"format": "pkcs12", "password": "a good password"}
    client.request("POST", "/certificates/shop/export", export).must(403)
    pem = client.request("POST", "/certificates/shop/export", {"format": "pem"})
    check(pem.status == 200 and b"BEGIN CERTIFICATE" in pem.bytes, f"{pem.status}")
    for running in (True, False):
        if not running:
            check(fresh.stop() == 0, "the end")
        fresh.must_not_hold(number, line.encode())


def case_two_who_change_the_same(smsd, client):
    """One is done, the other hears of it; without a revision neither is."""
    enter(smsd, client)
    key = make_key()
    import_one(client, "both", self_signed(smsd.folder, key, "both.example"), key).must(201)
    etag = client.request("GET", "/certificates/both").must(200).headers["ETag"]
    new = self_signed(smsd.folder, key, "both.example")
    body = {"file": text(new), "key": text(key)}
    client.request("POST", "/certificates/both/replace", body).must(428)
    client.request("DELETE", "/certificates/both").must(428)
    came = []

    def change():
        came.append(client.request("POST", "/certificates/both/replace", body, {"If-Match": etag}))

    threads = [threading.Thread(target=change) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(sorted(a.status for a in came) == [200, 412], str([a.status for a in came]))
    client.request("DELETE", "/certificates/both", headers={"If-Match": etag}).must(412)
    now = client.request("GET", "/certificates/both").must(200).headers["ETag"]
    check(now != etag, "the revision has not moved")
    client.request("DELETE", "/certificates/both", headers={"If-Match": now}).must(204)
    client.request("GET", "/certificates/both").must(404)


def case_names_in_paths_are_one_segment(smsd, client):
    """A name is found by its escapes; what could be another path is none."""
    enter(smsd, client)
    key = make_key()
    import_one(client, "a b.c", self_signed(smsd.folder, key, "a.example"), key).must(201)
    check(client.request("GET", "/certificates/a%20b%2Ec").must(200).json["name"] == "a b.c", "the name")
    for path, status in (("/certificates/a%20b.c/", 404), ("/certificates/a%2520b.c", 404),
                         ("/certificates/" + "n" * 300, 404), ("/certificates//history", 400),
                         ("/certificates/..", 400), ("/certificates/%2e%2e/me", 400)):
        client.request("GET", path).must(status)


def case_broken_imports_leave_nothing(smsd, client):
    """Each is refused at its place, and no object, key or version is there afterwards."""
    enter(smsd, client)
    before = names(client, "certificates")
    key, other = make_key(), make_key()
    cert = self_signed(smsd.folder, key, "x.example")
    for body in ({"name": "x", "file": text(cert), "key": text(other)},
                 {"name": "x", "file": text(cert)},
                 {"name": "x", "file": text(key)},
                 {"name": "x", "file": "%%%"},
                 {"name": "x", "file": ""},
                 {"name": "", "file": text(cert), "key": text(key)},
                 {"name": "x", "file": text(cert), "key": text(key), "format": "jks"},
                 {"name": "x", "file": text(cert), "key": text(key), "colour": "red"}):
        answer = client.request("POST", "/certificates", body)
        check(400 <= answer.status < 500 and answer.json["errors"], f"{list(body)}: {answer.status}")
    check(names(client, "certificates") == before, "something is there")


def count_of(client, prefix):
    return sum(n.startswith(prefix) for n in names(client, "ca-certificates"))


def case_death_in_the_middle_of_an_import_leaves_all_or_nothing(fresh, client):
    """kill -9 at several moments of imports of many: after the next start each is whole or not there,
    and whoever had an answer has his objects."""
    fresh.start()
    enter(fresh, client)
    key = make_key()
    for number, delay in enumerate((0.01, 0.04, 0.15, 0.5)):
        prefix = f"run{number}"
        bundle = b"".join(self_signed(fresh.folder, key, f"{prefix} {i}", True) for i in range(CAS))
        came = []

        def bring():
            try:
                came.append(client.request("POST", "/ca-certificates",
                                           {"name": prefix, "file": text(bundle)}).status)
            except (OSError, http.client.HTTPException, Failure):
                pass  # it died before its answer

        thread = threading.Thread(target=bring)
        thread.start()
        time.sleep(delay)
        fresh.kill()
        thread.join()
        fresh.start()
        there = count_of(client, prefix)
        check(there in (0, CAS), f"{there} of {CAS} after {delay} s")
        check(not came or there == CAS, f"answered {came}, and {there} are there")


def fill(path):
    """Takes all room there is."""
    with open(path, "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError as err:
            check(err.errno == errno.ENOSPC, f"{err}")


def until_full(bring):
    """How often it is taken before it is refused, in words that say why: the files of the database have
    some room within."""
    for count in range(500):
        answer = bring(count)
        if answer.status != 201:
            check(answer.status == 507 and "disk" in answer.json["detail"], f"{answer.bytes}")
            return count
    raise Failure("the disk is not full")


def case_a_full_disk_refuses_and_recovers_by_itself(fresh, client):
    """What is there is read meanwhile; events are kept by the device until they are taken; with room
    all goes on without a start, and what was answered is there."""
    fresh.start()
    owner = os.stat(fresh.data)
    check(fresh.stop() == 0, "the end")
    shutil.rmtree(fresh.data)
    os.mkdir(fresh.data)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=24m,mode=700,uid={owner.st_uid},gid={owner.st_gid}",
                    "none", fresh.data], check=True)
    try:
        fresh.start()
        enter(fresh, client)
        box = Box(fresh, "box")
        filler = os.path.join(fresh.data, "filler")

        def bring(count):
            return client.request("POST", "/trust-stores", {"name": f"full {count}", "description": "x" * 500})

        bring("before").must(201)
        fill(filler)
        count = until_full(bring)
        check("full before" in names(client, "trust-stores"), "nothing is read")
        status, _ = send(box, 0, [line("box", n, message="x" * 1000) for n in range(3000)])
        check(status in (503, 507), f"{status}")
        authority = {"name": "late", "file": text(self_signed(fresh.folder, make_key(), "late", True))}
        client.request("POST", "/ca-certificates", authority).must(507)
        check(count_of(client, "late") == 0, "half an import")
        os.unlink(filler)
        bring(count).must(201)
        status, answer = send(box, 0, [line("box", n) for n in range(50)])
        check(status == 200 and answer["next"] == 50, f"{status} {answer}")
        fresh.kill()
        fresh.start()
        there = names(client, "trust-stores")
        check(all(f"full {n}" in there for n in ("before", *range(count + 1))), f"{there}")
        check(sorted(numbers(found(client, "&device=box"))) == list(range(50)), "events")
        check(fresh.stop() == 0, "the end")
    finally:
        fresh.kill()
        subprocess.run(["umount", fresh.data], check=True)


case_a_full_disk_refuses_and_recovers_by_itself.only = "sqlite"


def case_many_at_once(smsd, client):
    """Of two who bring the same at once one has brought it, and no answer is lost."""
    enter(smsd, client)
    keys = [make_key() for _ in range(6)]
    certs = [self_signed(smsd.folder, key, f"many{n}.example") for n, key in enumerate(keys)]
    came = []

    def bring(number):
        other = Client(smsd, f"127.0.2.{number + 1}")
        other.cookie, other.csrf = client.cookie, client.csrf
        which = number // 2
        came.append(import_one(other, f"many{which}", certs[which], keys[which]).status)

    threads = [threading.Thread(target=bring, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(sorted(came) == [201] * 6 + [409] * 6, str(sorted(came)))
    check(sum(n.startswith("many") for n in names(client, "certificates")) == 6, "not six")


EVENTS = 5  # in each batch


def write_on(smsd, client, box, over, written):
    """Objects and events until it is over; `written` is what has been answered."""
    key = make_key()
    while not over.is_set():
        number, first = written["certificates"], written["events"]
        cert = self_signed(smsd.folder, key, f"later{number}.example")
        import_one(client, f"later {number}", cert, key).must(201)
        written["certificates"] += 1
        status, answer = send(box, first, [line(box.name, first + n) for n in range(EVENTS)])
        check(status == 200 and answer["stored"] == EVENTS, f"{status} {answer}")
        written["events"] += EVENTS


def wait_for(written, count, thread):
    while written["certificates"] < count and thread.is_alive():
        time.sleep(0.01)


def back_up_under_writes(smsd, client, box, to):
    """What had been answered when the backup began."""
    over, written, failed = threading.Event(), {"certificates": 0, "events": 0}, []

    def run():
        try:
            write_on(smsd, client, box, over, written)
        except (OSError, Failure) as err:
            failed.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_for(written, 3, thread)
        before = dict(written)
        code, said = smsd.run("--data", smsd.data, "--backup", to)
        check(code == 0 and "vault.key" in said and "server.crt" in said, f"{code}: {said}")
        wait_for(written, written["certificates"] + 2, thread)
    finally:
        over.set()
        thread.join()
    check(not failed, f"who writes: {failed}")
    return before


def case_backup_beside_one_that_serves(smsd, client):
    """Under writes; the copy opens elsewhere with the key and has all that was answered before it
    began. It has no key, is closed to others, and nothing goes over what is there."""
    enter(smsd, client)
    box = Box(smsd, "box")
    key = make_key()
    import_one(client, "shop", self_signed(smsd.folder, key, "shop.example"), key, exportable=True).must(201)
    restored = Smsd(os.path.dirname(os.path.dirname(smsd.program)))
    with open(restored.log_path, "wb"):
        pass  # it may never be started
    shutil.chown(restored.folder, os.stat(smsd.data).st_uid, os.stat(smsd.data).st_gid)
    try:
        before = back_up_under_writes(smsd, client, box, restored.data)
        held = sorted(os.listdir(restored.data))
        check(held == ["events", "sms.db"], f"{held}")
        check(os.stat(restored.data).st_mode & 0o777 == 0o700, "it is open to others")
        code, said = smsd.run("--data", smsd.data, "--backup", restored.data)
        check(code == 3 and "has something in it" in said, f"a second: {code}: {said}")
        check(sorted(os.listdir(restored.data)) == held, "a second changed it")
        for name in ("vault.key", "server.crt", "server.key"):
            path = os.path.join(restored.data, name)
            shutil.copy2(os.path.join(smsd.data, name), path)
            shutil.chown(path, os.stat(smsd.data).st_uid, os.stat(smsd.data).st_gid)
        restored.inside = smsd.inside  # sessions are in the database
        check_restored(restored, client.source, before)
    finally:
        restored.close()


def check_restored(smsd, source, before):
    code, said = smsd.run("--data", smsd.data, "--check")
    check(code == 0, f"--check: {code}: {said}")
    smsd.start()
    client = enter(smsd, Client(smsd, source))
    there = names(client, "certificates")
    lost = [n for n in range(before["certificates"]) if f"later {n}" not in there]
    check("shop" in there and not lost, f"of {before} these are not in {there}: {lost}")
    export = {"format": "pkcs12", "password": "a good password"}
    client.request("POST", "/certificates/shop/export", export).must(200)
    seen = set(numbers(found(client, "&device=box")))
    check(seen >= set(range(before["events"])), f"of {before} only {sorted(seen)}")


case_backup_beside_one_that_serves.only = "sqlite"


def case_backup_that_fails_leaves_nothing(smsd, client):
    """A day of events that is none, a full disk, no database there: said, with a status, and neither
    half of a copy nor the directory that was made for it is left; one that was there stays."""
    owner = os.stat(smsd.data)
    bad, to = os.path.join(smsd.data, "events", "2020-01-01.db"), os.path.join(smsd.folder, "to")
    small, empty = os.path.join(smsd.folder, "small"), os.path.join(smsd.folder, "empty")
    with open(bad, "wb") as out:
        out.write(b"no database" * 1000)
    shutil.chown(bad, owner.st_uid, owner.st_gid)
    for folder in (small, empty):
        os.mkdir(folder, 0o700)
        shutil.chown(folder, owner.st_uid, owner.st_gid)
    try:
        fails(smsd, smsd.data, to, 3, "events cannot be read")
        fails(smsd, empty, to, 3, f"{empty} has no sms.db: name the data directory")
        fails(smsd, os.path.join(smsd.folder, "nowhere"), to, 3, "nowhere has no sms.db")
        os.mkdir(to, 0o700)
        shutil.chown(to, owner.st_uid, owner.st_gid)
        fails(smsd, smsd.data, to, 3, "events cannot be read", stays=True)
    finally:
        os.unlink(bad)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", small], check=True)
    try:
        fails(smsd, smsd.data, os.path.join(small, "to"), 1, "make room on the disk")
    finally:
        subprocess.run(["umount", small], check=True)


def fails(smsd, data, to, status, why, stays=False):
    code, said = smsd.run("--data", data, "--backup", to)
    check(code == status and why in said and said.count("\n") == 1, f"{code}: {said}")
    check(os.path.exists(to) == stays, f"{to}: {said}")
    check(not stays or not os.listdir(to), "something is left")


case_backup_that_fails_leaves_nothing.only = "sqlite"


def case_backup_of_postgresql_is_refused(smsd, client):
    """With the command that does it; nothing is made."""
    to = os.path.join(smsd.folder, "to")
    code, said = smsd.run("--data", smsd.data, "--backup", to)
    check(code == 3 and "pg_dump --format=custom" in said, f"{code}: {said}")
    check(not os.path.exists(to), "a directory was made")


case_backup_of_postgresql_is_refused.only = "postgresql"
