"""Syntax checks of inactive modules: cached, and without running their code."""

from __future__ import annotations

import functools
from pathlib import Path

from puqpanel.host import edits
from puqpanel.host.contract.refusal import import_failure


def refusal(folder: Path) -> str:
    """Return the syntax error of a module's first invalid file; empty if there is none.

    Args:
        folder: the module's folder. Its own files and its controllers are checked, and again only
            after a change.
    """
    return _refusal(folder, edits.signature([folder]))


@functools.lru_cache(maxsize=256)
def _refusal(folder: Path, _state: edits.Signature) -> str:
    files = sorted(
        path for base in ("", "controllers", "Controllers") for path in (folder / base).glob("*.py")
    )
    return next((error for path in files if (error := _check(path, folder))), "")


def _check(path: Path, folder: Path) -> str:
    try:
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return import_failure(path.relative_to(folder).as_posix(), error, folder)
    except OSError:
        return ""  # deleted meanwhile; loading the module reports it
    return ""
