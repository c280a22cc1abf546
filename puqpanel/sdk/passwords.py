"""Passwords for accounts that a module creates."""

import secrets
import string

# without characters that shells, URLs and mail programs mangle
SYMBOLS = "!#%*+-.=?@_"
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS)


def generate_strong_password(length: int = 16) -> str:
    """Return a random password.

    With 4 characters or more it contains a lower-case letter, an upper-case letter, a digit and a
    symbol.

    Args:
        length: the number of characters, 1 to 1024.

    Raises:
        ValueError: the length is out of range.
    """
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= 1024:
        raise ValueError("a password is 1 to 1024 characters long")
    kinds = list(_KINDS)
    secrets.SystemRandom().shuffle(kinds)
    letters = [secrets.choice(kind) for kind in kinds[:length]]
    letters += [secrets.choice("".join(_KINDS)) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)
