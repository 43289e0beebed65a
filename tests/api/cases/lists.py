# SPDX-License-Identifier: Apache-2.0
"""A long list of domains on its way to a device: uploaded by the command line, checked, named by a
decryption policy, previewed, distributed, fetched. SLUICE_DOMAINS says how many (make test-long: a
million); what it took is said then, and judged by nobody."""

import hashlib
import os
import tempfile
import time

from cases.commandline import REFUSED, Sms, fingerprint
from cases.session import enter, make_token
from lib.box import Box
from lib.smsd import check

DOMAINS = int(os.environ.get("SLUICE_DOMAINS", "20000"))
MIB = 1024 * 1024
# What smsd may take more for it: pieces on their way, and the one write that makes it a file.
PASSING_MIB, LISTS = 64, 2


def memory_mib(smsd):
    """The most that it ever had."""
    with open(f"/proc/{smsd.child.pid}/status", encoding="ascii") as src:
        return next(int(line.split()[1]) for line in src if line.startswith("VmHWM")) / 1024


class Watch:
    """What each step took."""

    def __init__(self, smsd):
        self.smsd, self.at = smsd, time.monotonic()
        with open(f"/proc/{smsd.child.pid}/clear_refs", "w", encoding="ascii") as out:
            out.write("5")  # the peak of before, which a password hash has made, is forgotten
        self.before = memory_mib(smsd)

    def say(self, step):
        now = time.monotonic()
        if "SLUICE_DOMAINS" in os.environ:
            print(f"{step}: {now - self.at:.2f} s, smsd {memory_mib(self.smsd):.0f} MiB at most "
                  f"({self.before:.0f} before)", flush=True)
        self.at = time.monotonic()


def domains(first=0):
    return "".join(f"host-{n}.site-{n % 1000}.example.test\n" for n in range(first, first + DOMAINS)).encode()


def policies(client):
    client.request("POST", "/signing-certificates", {"name": "signer", "subject": {"common_name": "S"}}).must(201)
    client.request("POST", "/client-proxies", {"name": "out", "signing_certificate": "signer",
                                               "detection_ports": ["443"]}).must(201)
    client.request("POST", "/decryption-policies",
                   {"name": "long", "domains_file": "/files/long.domains"}).must(201)
    client.request("POST", "/profiles", {"name": "all", "ssl_client_policies": [
        {"name": "a", "proxy": "out", "decryption_policy": "long"}]}).must(201)
    client.request("POST", "/virtual-segments", {"name": "all", "segment": "wan", "profile": "all"}).must(201)


def distribute(client, box, content, watch):
    """What the preview says of the list, and what the device has of it in the end."""
    preview = client.request("POST", "/distributions/preview", {"devices": [box.name]}).must(200).json
    (device,) = preview["devices"]
    check(device["changes"] and not device["refused"], f"{preview}")
    watch.say("preview")
    client.request("POST", "/distributions", {"devices": [box.name]}).must(201)
    watch.say("distribution")
    before = len(box.said)
    document = box.take()
    watch.say("fetched by the device")
    digest = hashlib.sha256(content).hexdigest()
    (policy,) = [p for p in document["decryption_policies"] if p["name"] == "long"]
    check(policy["domains_file"].endswith("/" + digest), f"{policy}")
    pieces = [part for part in box.said[before:] if part and part in content]
    check(b"".join(pieces) == content, "the list that came is another")


def case_a_long_list_of_domains_reaches_a_device(fresh, client):
    """Byte by byte, and so does the next one in its place; one with a wrong line is refused by its number."""
    fresh.start()
    enter(fresh, client)
    box = Box(fresh, "box")
    with Sms(fresh) as sms, tempfile.TemporaryDirectory() as folder:
        sms.env["SLUICE_TOKEN"] = make_token(fresh, client, "lists", ["profiles"]).must(201).json["token"]
        sms.options = ("--server", sms.server, "--pin", fingerprint(fresh))
        path = os.path.join(folder, "list")
        watch = Watch(fresh)
        for turn in range(2):
            content = domains(turn)
            with open(path, "wb") as out:
                out.write(content)
            watch.say(f"a list of {len(content) / MIB:.1f} MiB was written")
            made = sms.record("upload", "long.domains", path, "--content", "domains")
            check(made["size"] == len(content) and made["revision"] == turn + 1, f"{made}")
            watch.say("uploaded and checked")
            if turn == 0:
                policies(client)
                watch.say("named by a policy")
            distribute(client, box, content, watch)
        with open(path, "ab") as out:
            out.write(b"no domain\n")
        sms("upload", "long.domains", path, "--content", "domains", status=REFUSED)
        check(f"line {DOMAINS + 1}:" in sms.said and "is not a domain" in sms.said, sms.said)
        watch.say("refused for its last line")
        grown, most = memory_mib(fresh) - watch.before, PASSING_MIB + LISTS * len(content) / MIB
        check("asan" in fresh.program or grown < most, f"smsd took {grown:.0f} MiB for it")
