"""Passwords for accounts that a module makes."""

import secrets
import string

# Without characters that shells, URLs and mail programs are known to mangle.
SYMBOLS = "!#%*+-.=?@_"
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS)


def generate_strong_password(length: int = 16) -> str:
    """A random password; from 4 characters on it holds a lower-case and an upper-case letter, a
    digit and a symbol.

    Args: length from 1 to 1024. Raises: ValueError outside of that.
    """
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= 1024:
        raise ValueError("a password is 1 to 1024 characters long")
    kinds = list(_KINDS)
    secrets.SystemRandom().shuffle(kinds)
    letters = [secrets.choice(kind) for kind in kinds[:length]]
    letters += [secrets.choice("".join(_KINDS)) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)
