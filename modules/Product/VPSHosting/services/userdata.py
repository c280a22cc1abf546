"""What a new server is told at its first start: the password of root, since DigitalOcean's API
takes none.

The password goes as a hash. Whoever has a process in the server can read user data, and so can
DigitalOcean.
"""

from __future__ import annotations

import hashlib
import secrets

LETTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ROUNDS = 5000


def cloud_config(password_hash: str) -> str:
    """User data for cloud-init. `list` is the spelling that old and new images understand."""
    return (
        "#cloud-config\n"
        "disable_root: false\n"
        "ssh_pwauth: true\n"
        "chpasswd:\n"
        "  expire: false\n"
        "  list: |\n"
        f"    root:{password_hash}\n"
    )


def new_hash(password: str) -> str:
    """The password as /etc/shadow keeps it, with a salt of its own."""
    return sha512_crypt(password, "".join(secrets.choice(LETTERS) for _ in range(16)))


def sha512_crypt(password: str, salt: str) -> str:
    """`$6$salt$…`, as crypt(3) makes it (the specification is Ulrich Drepper's, in the public
    domain; Python 3.13 has no crypt any more).
    """
    key, grain = password.encode(), salt.encode()[:16]
    other = hashlib.sha512(key + grain + key).digest()
    first = hashlib.sha512(key + grain + _stretch(other, len(key)))
    count = len(key)
    while count:
        first.update(other if count & 1 else key)
        count >>= 1
    mixed = first.digest()
    p = _stretch(hashlib.sha512(key * len(key)).digest(), len(key))
    s = _stretch(hashlib.sha512(grain * (16 + mixed[0])).digest(), len(grain))
    for turn in range(ROUNDS):
        step = hashlib.sha512(p if turn & 1 else mixed)
        if turn % 3:
            step.update(s)
        if turn % 7:
            step.update(p)
        step.update(mixed if turn & 1 else p)
        mixed = step.digest()
    return f"$6${grain.decode()}${_encode(mixed)}"


def _stretch(digest: bytes, length: int) -> bytes:
    return (digest * (length // len(digest) + 1))[:length]


def _encode(digest: bytes) -> str:
    """The specification's own base 64 over its own order of bytes."""
    text, order = "", [0, 21, 42]
    for _ in range(21):
        number = digest[order[0]] << 16 | digest[order[1]] << 8 | digest[order[2]]
        text += "".join(LETTERS[number >> shift & 63] for shift in (0, 6, 12, 18))
        order = [(index + 22) % 63 for index in order]
    return text + LETTERS[digest[63] & 63] + LETTERS[digest[63] >> 6]
