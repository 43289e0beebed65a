# SPDX-License-Identifier: Apache-2.0
"""The database as a server that goes away and comes back, and the file that says where it is."""

import json
import os
import threading
import time

from cases.session import enter
from lib.database import postgresql
from lib.smsd import Client, Smsd, check

BACK_S = 60


def settled(client, path):
    """The answer's status once it is no 503."""
    until = time.monotonic() + BACK_S
    while time.monotonic() < until:
        answer = client.request("GET", path)
        if answer.status != 503:
            return answer.status
        time.sleep(0.2)
    return 503


def role(number):
    return {"name": f"role {number}", "from": "Observer", "comment": ""}


def case_goes_away_and_comes_back(smsd, client):
    """While PostgreSQL is stopped requests are 503 with when to come again, and smsd says so once; when
    it is back all goes on by itself. What was answered is there, and nothing twice."""
    with postgresql.own() as server:
        own = Smsd(os.path.dirname(os.path.dirname(smsd.program)), server)
        try:
            own.start()
            mine = Client(own, client.source)
            enter(own, mine)
            for mode in ("fast", "immediate"):
                server.stop(mode)
                answers = [mine.raw("GET", "/api/v1/roles", headers=mine.credentials("GET")) for _ in range(4)]
                check(all(a.status == 503 and int(a.headers["Retry-After"]) > 0 for a in answers),
                      str([(a.status, a.headers.get("Retry-After")) for a in answers]))
                server.start()
                check(settled(mine, "/roles") == 200, "it does not go on")
            check(own.log().count("the database is away") == 2, "it is said once each time")
            check(own.log().count("the database is back") == 2, "and that it is back")
            restart_under_writes(own, mine, server)
        finally:
            own.close()


def restart_under_writes(own, client, server):
    over, answered = threading.Event(), {}
    writer = threading.Thread(target=write_unheld, args=(own, client, over, answered))
    writer.start()
    for _ in range(3):
        wait_written(answered)
        server.stop("immediate")
        server.start()
    wait_written(answered)
    over.set()
    writer.join()
    check(settled(client, "/roles") == 200, "it does not go on")
    there = [item["name"] for item in client.request("GET", "/roles").must(200).json["items"]]
    check(len(there) == len(set(there)), "a role is there twice")
    done = [n for n, status in answered.items() if status == 201]
    check(done, f"nothing was written: {answered}")
    for number, status in answered.items():
        check(status in (201, 500, 503), f"{number}: {status}")
        check(status != 201 or f"role {number}" in there, f"role {number} was answered and is not there")
        check(status != 503 or f"role {number}" not in there, f"role {number} was refused and is there")


def written(answered):
    return sum(status == 201 for status in list(answered.values()))


def wait_written(answered):
    """Something more was written: the next stop is in the middle of it."""
    before, until = written(answered), time.monotonic() + BACK_S
    while written(answered) < before + 2 and time.monotonic() < until:
        time.sleep(0.05)


def write_unheld(own, client, over, answered):
    """Roles, one after the other, by number what was answered; nobody looks at the audit log, which is away
    as well."""
    number = 0
    while not over.is_set():
        headers = {**client.credentials("POST"), "Content-Type": "application/json"}
        body = json.dumps(role(number)).encode()
        answered[number] = client.raw("POST", "/api/v1/roles", body, headers).status
        number += 1
        time.sleep(0.05)


def case_file_that_others_can_read_is_refused(fresh, client):
    """It may hold a password; one that is no connection string is named without what is in it."""
    os.chmod(fresh.database_file, 0o644)
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 3 and "chmod" in said and fresh.database_file in said, f"{code}: {said}")
    os.chmod(fresh.database_file, 0o600)
    with open(fresh.database_file, "w", encoding="utf-8") as out:
        out.write("host=/tmp passwort=Geheim42\n")
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 3 and "Geheim42" not in said, f"{code}: {said}")
    with open(fresh.database_file, "w", encoding="utf-8") as out:
        out.write("host=/nonexistent user=x password=Geheim42\n")
    code, said = fresh.run("--data", fresh.data, "--check")
    check(code == 1 and "Geheim42" not in said and "/nonexistent" in said, f"{code}: {said}")
    fresh.write_database_file()
    fresh.start()


def case_second_smsd_elsewhere_is_refused(fresh, client):
    """Another directory, the same database: exit status 5."""
    fresh.start()
    other = os.path.join(fresh.folder, "other")
    code, said = fresh.run("--data", other, "--database", fresh.database_file, "--check")
    check(code == 5 and "another smsd uses this database" in said, f"{code}: {said}")
    client.request("GET", "/version").must(200)


for function in (case_goes_away_and_comes_back, case_file_that_others_can_read_is_refused,
                 case_second_smsd_elsewhere_is_refused):
    function.only = "postgresql"
