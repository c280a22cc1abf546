"""On-disk cache of modules' compiled code and of the results of template checks.

Python compares a .pyc file with the time and size of its source, so after an edit of the same size
within a second it is out of date. An entry of this cache is compared with the SHA-256 digest of the
source, and belongs to one version of Python.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import marshal
import os
import sys
import threading
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType
from typing import Any

_PYTHON = f"{sys.implementation.cache_tag} {sys.flags.optimize}".encode() + MAGIC_NUMBER
_DIGEST = hashlib.sha256().digest_size
_folder = ""


def use(instance: Path) -> None:
    """Set the instance directory, which holds the cache; without it, nothing is kept on disk."""
    global _folder
    _folder = str(instance / "cache" / "modules")
    with contextlib.suppress(OSError):
        os.makedirs(_folder, mode=0o700, exist_ok=True)


@functools.lru_cache(maxsize=1024)
def compiled(source: bytes, path: str) -> CodeType:
    """Return the code of a Python file.

    It is kept in memory too, because a change of one module loads all of them again.

    Raises:
        SyntaxError: The file has an error.
    """
    code = find(path, source)
    if not isinstance(code, CodeType):
        code = compile(source, path, "exec", dont_inherit=True)
        keep(path, source, code)
    return code


def find(path: str, source: bytes) -> Any:
    """Return what is kept for a file or folder, or None if it was for another source."""
    if not _folder:
        return None
    try:
        file = os.open(_entry(path), os.O_RDONLY)
        try:
            content = os.read(file, os.fstat(file).st_size)
        finally:
            os.close(file)
    except OSError:
        return None
    value = content[2 * _DIGEST :]
    if content[: 2 * _DIGEST] != _key(path, source) + hashlib.sha256(value).digest():
        return None
    return marshal.loads(value)  # noqa: S302 - written by this user, and complete


def keep(path: str, source: bytes, value: Any) -> None:
    """Keep a value in place of the earlier one for this path, if the disk allows it."""
    if not _folder:
        return
    content = marshal.dumps(value)
    entry = _entry(path)
    fresh = f"{entry}.{os.getpid()}-{threading.get_ident()}"
    with contextlib.suppress(OSError):
        Path(fresh).write_bytes(_key(path, source) + hashlib.sha256(content).digest() + content)
        os.replace(fresh, entry)


def _entry(path: str) -> str:
    return f"{_folder}/{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}"


def _key(path: str, source: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((_PYTHON, os.fsencode(path), source))).digest()
