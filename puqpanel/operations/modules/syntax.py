"""Syntax checks of inactive modules.

Asked of every one in a list, so it runs nothing and remembers.
"""

from __future__ import annotations

from pathlib import Path

from puqpanel.host.contract.refusal import import_failure

_seen: dict[Path, tuple[tuple[tuple[str, int, int], ...], str]] = {}
"""Folder → what its files were when they were read, and the sentence; a folder's entry is
replaced when a file changes.
"""


def refusal(folder: Path) -> str:
    """Return the sentence about the first file of a module that is no Python.

    Empty where there is none.

    Args:
        folder: the module's. Its own files and its controllers are read, and read again only when
            one has changed.
    """
    files = sorted(
        path for base in ("", "controllers", "Controllers") for path in (folder / base).glob("*.py")
    )
    stamp = tuple((str(path), *_changed(path)) for path in files)
    known = _seen.get(folder)
    if known is None or known[0] != stamp:
        known = _seen[folder] = (
            stamp,
            next((said for path in files if (said := _read(path, folder))), ""),
        )
    return known[1]


def _changed(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


def _read(path: Path, folder: Path) -> str:
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return import_failure(path.relative_to(folder).as_posix(), error, folder)
    except OSError:
        return ""  # gone in between; loading it will say so
    return ""
