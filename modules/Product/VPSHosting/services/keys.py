"""The SSH keys of a new server: public keys as people have them, or ids and fingerprints of
keys that the account has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from .answers import Told
from .api import DigitalOcean

MOST = 20
KINDS = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_NAMED = re.compile(r"\d{1,18}|([0-9a-f]{2}:){15}[0-9a-f]{2}")


def lines(value: object) -> list[str]:
    """Keys as a list, given as one or as text with one a line."""
    parts = value if isinstance(value, (list, tuple)) else str(value or "").splitlines()
    return [line for line in (str(part).strip() for part in parts) if line]


def problem(key: str) -> str:
    """Why a line is no key; empty where it is one."""
    if _NAMED.fullmatch(key) or fingerprint(key):
        return ""
    if "PRIVATE KEY" in key:
        return (
            "This is a private key: it stays with its owner. Enter the public one, from the file"
            " that ends in .pub."
        )
    return f"“{key[:40]}” is no public SSH key; one begins with ssh-ed25519 or ssh-rsa."


def fingerprint(key: str) -> str:
    """The MD5 fingerprint by which DigitalOcean knows a public key; empty where the text is
    none.
    """
    parts = key.split()
    if len(parts) < 2 or parts[0] not in KINDS:
        return ""
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return ""
    # What is encoded names its own kind; half a key that was pasted does not.
    if len(blob) < 36 or blob[4 : 4 + len(parts[0])] != parts[0].encode():
        return ""
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[place : place + 2] for place in range(0, 32, 2))


def known(cloud: DigitalOcean, keys: list[str], name: str) -> list[int | str] | Told:
    """The keys as a new server is told of them, after those that the account does not have were put
    there.

    Returns:
        Ids and fingerprints, or the answer that was no yes.
    """
    found: list[int | str] = []
    for key in keys:
        mark = fingerprint(key)
        if not mark:
            found.append(int(key) if key.isdecimal() else key)
            continue
        told = cloud.key(mark)
        if told.missing:
            told = cloud.add_key(name, key)
            # made by a request whose answer was lost, or by another job just now
            if told.doubtful or told.http == 422:
                seen = cloud.key(mark)
                told = seen if seen.ok else told
        if not told.ok:
            return told
        found.append(mark)
    return found
