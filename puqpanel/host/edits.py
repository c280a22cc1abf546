"""Detects edits of a module's files, cheaply enough to look at each request in development."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

Signature = frozenset[tuple[str, int, int]]
_IGNORED = frozenset({"__pycache__", "tests", "assets"})


def signature(folders: Iterable[Path], *, templates: bool = True) -> Signature:
    """Return path, modification time and size of each file in some folders.

    Args:
        folders: of modules; a missing one counts as empty.
        templates: whether edits of templates count. A loaded module reads them again anyway; one
            that was refused may have been so because of a template.
    """
    files: set[tuple[str, int, int]] = set()
    pending = [str(folder) for folder in folders]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.name in _IGNORED or entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        pending.append(entry.path)
                    elif entry.name.endswith(".html") and not templates:
                        files.add((entry.path, 0, 0))
                    else:
                        state = entry.stat()
                        files.add((entry.path, state.st_mtime_ns, state.st_size))
        except OSError:
            continue  # being moved or rewritten; the next look sees it
    return frozenset(files)


def within(files: Signature, folders: Iterable[Path]) -> Signature:
    """Return the part of a signature that lies in some folders."""
    prefixes = tuple(f"{folder}{os.sep}" for folder in folders)
    return frozenset(file for file in files if file[0].startswith(prefixes))


def fingerprint(folder: Path) -> str:
    """Return the state of a module's files as 64 characters; any edit changes it."""
    files = repr(sorted(signature([folder])))
    return hashlib.sha256(files.encode("utf-8", "replace")).hexdigest()
