# SPDX-License-Identifier: Apache-2.0
"""Licences, made from what lib/package/package.h says of the layout and nothing of its code.

    authority(path)                         path (private) and path.pub
    package(path, key, devices, **info)     devices: {"edge-1": {"ssl_inspection": {"until": day(90)}}}
"""
import datetime
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import time

BLOCK_MAX = 128 * 1024


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def authority(path):
    openssl("genpkey", "-algorithm", "ed25519", "-out", path)
    os.chmod(path, 0o600)
    openssl("pkey", "-in", path, "-pubout", "-out", path + ".pub")


def day(offset):
    """Days from today, as a licence has it."""
    return (datetime.datetime.now(datetime.timezone.utc) +
            datetime.timedelta(days=offset)).strftime("%Y-%m-%d")


def frame(data):
    """A zstd frame of blocks as they are (RFC 8878)."""
    out = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    pieces = [data[i:i + BLOCK_MAX] for i in range(0, len(data), BLOCK_MAX)] or [b""]
    for i, piece in enumerate(pieces):
        last = i == len(pieces) - 1
        out += struct.pack("<I", len(piece) << 3 | last)[:3] + piece
    return out


def sign(key, data):
    with tempfile.TemporaryDirectory() as folder:
        plain, signed = os.path.join(folder, "plain"), os.path.join(folder, "signed")
        with open(plain, "wb") as out:
            out.write(data)
        openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", plain, "-out", signed)
        with open(signed, "rb") as src:
            return src.read()


def package(path, key, devices, kind="licence", **info):
    licence = json.dumps({"devices": [{"name": name, "capabilities": capabilities}
                                      for name, capabilities in devices.items()]}).encode()
    metadata = json.dumps({"kind": kind, "format": "1.0", "name": "licence", "version": "1",
                           "created": int(time.time()), "description": "", **info}).encode()
    packed = frame(licence)
    head = b"SLUICEPK" + struct.pack("<HHII", 1, 0, len(metadata), 1) + metadata
    head += b"licence.json".ljust(32, b"\0") + struct.pack("<QQ", len(packed), len(licence)) + \
        hashlib.sha256(packed).digest()
    with open(path, "wb") as out:
        out.write(head + sign(key, head) + packed)
