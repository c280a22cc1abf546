"""The SSH keys of a new server: public keys, or ids and fingerprints of keys in the account."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from puqpanel.sdk import __

from .api import DigitalOcean
from .responses import ApiResponse

MAX_KEYS = 20
KEY_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_ID_OR_FINGERPRINT = re.compile(r"\d{1,18}|([0-9a-f]{2}:){15}[0-9a-f]{2}")


def parse_lines(value: object) -> list[str]:
    """Return a list of keys, given as a list or as text with one key per line."""
    parts = value if isinstance(value, (list, tuple)) else str(value or "").splitlines()
    lines = [str(part).strip() for part in parts]
    return [line for line in lines if line]


def problem(key: str) -> str:
    """Return why a line is not a key, or an empty string."""
    if _ID_OR_FINGERPRINT.fullmatch(key) or fingerprint(key):
        return ""
    if "PRIVATE KEY" in key:
        return __(
            "This is a private key; never share it. Enter the public key from the file ending in"
            " .pub."
        )
    return __(
        "“:key” is not a public SSH key. Keys start with ssh-ed25519 or ssh-rsa.",
        {"key": key[:40]},
    )


def fingerprint(key: str) -> str:
    """Return the MD5 fingerprint that DigitalOcean uses, or an empty string for an invalid key."""
    parts = key.split()
    if len(parts) < 2 or parts[0] not in KEY_TYPES:
        return ""
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return ""
    # The blob starts with its own key type; a truncated paste does not.
    if len(blob) < 36 or blob[4 : 4 + len(parts[0])] != parts[0].encode():
        return ""
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, 32, 2))


def ensure(client: DigitalOcean, keys: list[str], name: str) -> list[int | str] | ApiResponse:
    """Add the public keys that the account does not have yet.

    Args:
        client: A client of the account.
        keys: Public keys, ids and fingerprints.
        name: The name of added keys.

    Returns:
        Ids and fingerprints for the create request, or the response that is not ok.
    """
    references: list[int | str] = []
    for key in keys:
        key_fingerprint = fingerprint(key)
        if not key_fingerprint:
            references.append(int(key) if key.isdecimal() else key)
            continue
        response = client.key(key_fingerprint)
        if response.not_found:
            response = client.add_key(name, key)
            # A lost request or another job may have added it, so read it again.
            if response.uncertain or response.http == 422:
                existing = client.key(key_fingerprint)
                response = existing if existing.ok else response
        if not response.ok:
            return response
        references.append(key_fingerprint)
    return references
