"""Names and paths in the file manager."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from puqpanel.sdk import __, n__, noop__

MAX_UPLOAD_BYTES, MAX_UPLOAD_TEXT = 5_000_000, "5 MB"  # the provider's limit
MAX_NAME_LENGTH = 200
NO_NAME = noop__("Enter a name first.")
_FORBIDDEN = re.compile(r"[/\\<\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def name_problem(name: str) -> str:
    """Return why a new file or folder can't have this name, or an empty string."""
    if not name:
        return __(NO_NAME)
    if name in (".", "..") or _FORBIDDEN.search(name):
        return __("A name can't contain /, \\, < or control characters, and can't be . or ..")
    if len(name) > MAX_NAME_LENGTH:
        return n__(
            "The name is too long. The limit is :count character.",
            "The name is too long. The limit is :count characters.",
            MAX_NAME_LENGTH,
        )
    return ""


def upload_name(name: str, disposition: str) -> str:
    """Return an upload's name with the backslash that parsing its header drops.

    With the backslash, the name is rejected instead of silently changed.

    Args:
        name: The parsed file name.
        disposition: The Content-Disposition header of the upload.
    """
    if "\\" in name or "\\" not in disposition.replace('\\"', ""):
        return name
    return f"{name}\\"


def parse_path(text: str) -> PurePosixPath:
    """Return the path in a query string or a form.

    Raises:
        LookupError: The path leads upwards, out of the customer's account.
    """
    parts = [part for part in text.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise LookupError(text)
    return PurePosixPath(*parts)


def join(path: PurePosixPath, name: str = "") -> str:
    """Return path and name as the provider expects them; empty for the top folder."""
    return str(path / name).removeprefix("./") if path.parts or name else ""


def download_name(name: str) -> str:
    """Return a name that is safe in a header; existing names may break the rules above."""
    return _CONTROL.sub("_", name) or "file"
