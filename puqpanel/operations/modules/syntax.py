"""Syntax checks of inactive modules: cached, and without running their code."""

from __future__ import annotations

from pathlib import Path

from puqpanel.host.contract.refusal import import_failure

_cache: dict[Path, tuple[tuple[tuple[str, int, int], ...], str]] = {}
"""The files' stamps and the result of the last check, by folder."""


def refusal(folder: Path) -> str:
    """Return the syntax error of a module's first invalid file; empty if there is none.

    Args:
        folder: the module's folder. Its own files and its controllers are checked, and again only
            after a change.
    """
    files = sorted(
        path for base in ("", "controllers", "Controllers") for path in (folder / base).glob("*.py")
    )
    stamp = tuple((str(path), *_stamp(path)) for path in files)
    cached = _cache.get(folder)
    if cached is None or cached[0] != stamp:
        cached = _cache[folder] = (
            stamp,
            next((error for path in files if (error := _check(path, folder))), ""),
        )
    return cached[1]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


def _check(path: Path, folder: Path) -> str:
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return import_failure(path.relative_to(folder).as_posix(), error, folder)
    except OSError:
        return ""  # deleted meanwhile; loading the module reports it
    return ""
