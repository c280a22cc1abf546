"""User data of a new server: sets the root password, for which DigitalOcean's API has no field.

The password is sent as a hash, because DigitalOcean and every process on the server can read user
data.
"""

from __future__ import annotations

import hashlib
import secrets

LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROUNDS = 5000


def cloud_config(password_hash: str) -> str:
    """Return user data for cloud-init; old and new images understand the `list` form."""
    return (
        "#cloud-config\n"
        "disable_root: false\n"
        "ssh_pwauth: true\n"
        "chpasswd:\n"
        "  expire: false\n"
        "  list: |\n"
        f"    root:{password_hash}\n"
    )


def hash_password(password: str) -> str:
    """Return the password as /etc/shadow stores it, with a random salt."""
    return sha512_crypt(password, "".join(secrets.choice(LETTERS) for _ in range(16)))


def sha512_crypt(password: str, salt: str) -> str:
    """Return `$6$salt$…` as crypt(3) does; Python has no crypt module since 3.13.

    The names follow Ulrich Drepper's specification, which is in the public domain.
    """
    key, salt_bytes = password.encode(), salt.encode()[:16]
    digest_b = hashlib.sha512(key + salt_bytes + key).digest()
    digest_a = hashlib.sha512(key + salt_bytes + _repeat(digest_b, len(key)))
    bits = len(key)
    while bits:
        digest_a.update(digest_b if bits & 1 else key)
        bits >>= 1
    result = digest_a.digest()
    p = _repeat(hashlib.sha512(key * len(key)).digest(), len(key))
    s = _repeat(hashlib.sha512(salt_bytes * (16 + result[0])).digest(), len(salt_bytes))
    for round_number in range(ROUNDS):
        digest_c = hashlib.sha512(p if round_number & 1 else result)
        if round_number % 3:
            digest_c.update(s)
        if round_number % 7:
            digest_c.update(p)
        digest_c.update(result if round_number & 1 else p)
        result = digest_c.digest()
    return f"$6${salt_bytes.decode()}${_encode(result)}"


def _repeat(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _encode(digest: bytes) -> str:
    """Return the base 64 of the specification, with its byte order."""
    text, order = "", [0, 21, 42]
    for _ in range(21):
        number = digest[order[0]] << 16 | digest[order[1]] << 8 | digest[order[2]]
        text += "".join(LETTERS[number >> shift & 63] for shift in (0, 6, 12, 18))
        order = [(index + 22) % 63 for index in order]
    return text + LETTERS[digest[63] & 63] + LETTERS[digest[63] >> 6]
