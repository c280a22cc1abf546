"""Notices that a module's files were edited, cheaply enough to look at each request while
somebody develops.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Signature = frozenset[tuple[str, int, int]]
_LEFT_OUT = frozenset({"__pycache__", "tests", "assets"})


def signature(folders: Iterable[Path]) -> Signature:
    """What tells one state of some folders from another: each file's time and size.

    Args:
        folders: of modules; one that is not there counts as empty. Of templates only the names
            count: they are read anew when they change.
    """
    found: set[tuple[str, int, int]] = set()
    waiting = [str(folder) for folder in folders]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.name in _LEFT_OUT or entry.name.startswith("."):
                        continue
                    if entry.is_dir():
                        waiting.append(entry.path)
                        continue
                    state = entry.stat()
                    template = entry.name.endswith(".html")
                    found.add(
                        (
                            entry.path,
                            0 if template else state.st_mtime_ns,
                            0 if template else state.st_size,
                        )
                    )
        except OSError:
            continue  # it is being moved or rewritten just now; the next look sees it
    return frozenset(found)


def within(found: Signature, folders: Iterable[Path]) -> Signature:
    """The part of a signature that some folders have in it."""
    begins = tuple(f"{folder}{os.sep}" for folder in folders)
    return frozenset(one for one in found if one[0].startswith(begins))
