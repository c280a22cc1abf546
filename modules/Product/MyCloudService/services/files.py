"""Names and paths in the File Manager: what is refused, and how it is said."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

LARGEST, LARGEST_TEXT = 5_000_000, "5 MB"  # that the cloud takes
LONGEST = 200
_FORBIDDEN = re.compile(r"[/\\<\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def wrong_name(name: str) -> str:
    """Why something new cannot have this name, as a sentence; empty if it can.

    Nothing is changed silently.
    """
    if not name:
        return "Choose a name first."
    if name in (".", "..") or _FORBIDDEN.search(name):
        return (
            "This name cannot be used: it must not hold /, \\, < or control characters, nor be . or"
            " .. alone."
        )
    return f"This name is too long: {LONGEST} characters at most." if len(name) > LONGEST else ""


def sent_name(name: str, header: str) -> str:
    """An upload's name with the backslash that reading the header of its form drops, so that it
    is refused and not changed.
    """
    return name if "\\" in name or "\\" not in header.replace('\\"', "") else f"{name}\\"


def folder(text: str) -> PurePosixPath:
    """The path that an address or a form names.

    Raises:
        LookupError: it leads upwards, where nothing of this customer's is.
    """
    parts = [part for part in text.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise LookupError("There is no such folder.")
    return PurePosixPath(*parts)


def inside(path: PurePosixPath, name: str = "") -> str:
    """Path and name as the cloud takes them; empty for the top."""
    return str(path / name).removeprefix("./") if path.parts or name else ""


def download_name(name: str) -> str:
    """The name as it may stand in a header: names are the customer's, and older than the rules
    above.
    """
    return _CONTROL.sub("_", name) or "file"
