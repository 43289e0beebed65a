# SPDX-License-Identifier: Apache-2.0
"""Files: uploaded in pieces, checked, named, given back, replaced and deleted, as a person does it."""

import hashlib
import os
import tempfile

from cases.commandline import REFUSED, Sms, fingerprint
from cases.session import bearer, enter, make_token
from lib.smsd import PREFIX, check

MIB = 1024 * 1024


def send(client, data, step=4 * MIB):
    """The id of an upload of these bytes."""
    upload = client.request("POST", "/uploads").must(201).json
    for at in range(0, len(data), step):
        part = data[at:at + step]
        came = put(client, upload["id"], at, part).must(200)
        check(came.json["size"] == at + len(part), f"{came.json}")
    return upload["id"]


def put(client, upload, offset, data):
    path = f"{PREFIX}/uploads/{upload}?offset={offset}"
    answer = client.raw("PUT", path, data, client.credentials("PUT"))
    client.examine("PUT", path.partition("?")[0], answer)
    return answer


def make(client, name, content, data):
    return client.request("POST", "/files", {"name": name, "content": content, "upload": send(client, data)})


def rules(size):
    """Lines, no two the same, that come to `size` bytes."""
    line = b"alert tcp any any -> any any (msg:\"%08d\"; sid:1;)\n"
    out = b"".join(line % i for i in range(size // len(line % 0)))
    return out + b"#" * (size - len(out) - 1) + b"\n"


def case_a_file_comes_back_as_it_was_sent(smsd, client):
    """In pieces of any whole MiB; its size and digest are those of its bytes; read from any place."""
    enter(smsd, client)
    data = rules(5 * MIB + 1234)
    made = make(client, "big.rules", "rules", data).must(201)
    check(made.headers["ETag"] == '"1"', "no revision")
    check(made.json["size"] == len(data) and made.json["sha256"] == hashlib.sha256(data).hexdigest(),
          f"{made.json}")
    check(client.request("GET", "/files/big.rules").must(200).json == made.json, "another")
    back = b""
    while True:
        part = client.request("GET", f"/files/big.rules/content?offset={len(back)}").must(200).bytes
        if not part:
            break
        back += part
    check(back == data, "its bytes are others")
    part = client.request("GET", f"/files/big.rules/content?offset={MIB - 5}&limit=10").must(200)
    check(part.bytes == data[MIB - 5:MIB + 5], "another part")
    listed = client.request("GET", "/files").must(200).json
    check([f["name"] for f in listed["items"]] == ["big.rules"] and listed["next"] == "", f"{listed}")


def case_an_upload_is_one_person_s_and_goes_on_where_it_ended(smsd, client):
    """What is sent at another place, behind the last piece or to nobody's upload is refused."""
    enter(smsd, client)
    upload = client.request("POST", "/uploads").must(201).json
    check(upload["size"] == 0 and upload["piece"] == MIB, f"{upload}")
    refused = put(client, upload["id"], 7, b"x")
    check(refused.status in (409, 412) and b"0 bytes are here" in refused.bytes, f"{refused.bytes}")
    put(client, upload["id"], 0, b"x").must(200)
    put(client, upload["id"], 1, b"y").must(400)
    put(client, 999999, 0, b"y").must(404)
    put(client, "none", 0, b"y").must(404)
    client.request("DELETE", f"/uploads/{upload['id']}").must(204)
    client.request("DELETE", f"/uploads/{upload['id']}").must(404)
    refused = client.request("POST", "/files", {"name": "none", "content": "rules", "upload": upload["id"]})
    refused.must(404)


def case_what_a_file_is_said_to_be_is_checked(smsd, client):
    """A refusal names the line; nothing is made."""
    enter(smsd, client)
    wrong = make(client, "list", "domains", b"a.test\n*.b.test # fine\nb..test\n").must(400)
    check('line 3: "b..test" is not a domain' in wrong.json["detail"], f"{wrong.json}")
    client.request("GET", "/files/list").must(404)
    make(client, "list", "rules", b"-----BEGIN EC " + b"PRIVATE KEY-----\n").must(400)
    make(client, "list", "crl", b"none\n").must(400)
    make(client, "list", "domains", b"a.test\n*.b.test\n").must(201)


def case_a_file_in_use_is_replaced_and_not_deleted(smsd, client):
    """A profile names it; its next revision is of the same content; then the profile lets it go."""
    enter(smsd, client)
    make(client, "used", "rules", b"one\n").must(201)
    profile = {"name": "uses it", "filters": [{"rules": "/files/used"}]}
    client.request("POST", "/profiles", profile).must(201)
    client.request("DELETE", "/files/used", headers={"If-Match": '"1"'}).must(409)
    body = {"upload": send(client, b"two\n"), "comment": "newer"}
    client.request("PUT", "/files/used", body).must(428)
    client.request("PUT", "/files/used", body, {"If-Match": '"9"'}).must(412)
    done = client.request("PUT", "/files/used", body, {"If-Match": '"1"'}).must(200)
    check(done.json["revision"] == 2 and done.json["content"] == "rules", f"{done.json}")
    check(client.request("GET", "/files/used/content").must(200).bytes == b"two\n", "the old bytes")
    history = client.request("GET", "/files/used/history").must(200).json["items"]
    check([h["action"] for h in history] == ["replace", "create"] and history[0]["comment"] == "newer",
          f"{history}")
    client.request("DELETE", "/profiles/uses%20it", headers={"If-Match": '"1"'}).must(204)
    client.request("DELETE", "/files/used", headers={"If-Match": '"2"'}).must(204)


def case_files_ask_for_their_capability(smsd, client):
    """Whoever may look at the configuration sees them; only whoever may make something of an upload uploads."""
    enter(smsd, client)
    token = make_token(smsd, client, "looks at files", ["view_configuration"]).must(201).json["token"]
    other = bearer(client, token)
    other.request("GET", "/files").must(200)
    other.request("POST", "/uploads").must(403)
    other.request("POST", "/files", {"name": "a", "content": "rules", "upload": 1}).must(403)
    other.request("DELETE", "/files/none").must(403)


def case_the_command_line_uploads_and_downloads(smsd, client):
    """A file made, replaced and fetched by sms; what the server refuses is said, and nothing is left."""
    data = rules(6 * MIB + 77)
    with Sms(smsd) as sms, tempfile.TemporaryDirectory() as folder:
        enter(smsd, client)
        token = make_token(smsd, client, "command line", ["profiles"]).must(201).json["token"]
        sms.env["SLUICE_TOKEN"] = token
        sms.options = ("--server", sms.server, "--pin", fingerprint(smsd))
        path, back = os.path.join(folder, "a.rules"), os.path.join(folder, "back")
        with open(path, "wb") as out:
            out.write(data)
        made = sms.record("upload", "cli.rules", path, "--content", "rules")
        check(made["size"] == len(data) and made["revision"] == 1, f"{made}")
        with open(path, "ab") as out:
            out.write(b"# more\n")
        made = sms.record("upload", "cli.rules", path, "--content", "rules", "--comment", "more")
        check(made["revision"] == 2, f"{made}")
        sms("download", "cli.rules", "--output", back)
        with open(back, "rb") as src:
            check(src.read() == data + b"# more\n", "it came back as another")
        with open(path, "wb") as out:
            out.write(b"no domain\n")
        sms("upload", "cli.list", path, "--content", "domains", status=REFUSED)
        check("is not a domain" in sms.said, sms.said)
        left = client.request("POST", "/uploads").must(201).json["id"]
        check(put(client, left - 1, 10, b"x").status == 404, "the refused upload is still there")
        client.request("DELETE", f"/uploads/{left}").must(204)
