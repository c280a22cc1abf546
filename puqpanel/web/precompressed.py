"""Compressed copies of the static files that pages name, in `instance/assets/{kit}-{version}/`.

`puqpanel web` makes those that are missing when it starts. Without one, the file is sent as it is.
"""

from __future__ import annotations

import os
import secrets
import shutil
import zlib
from pathlib import Path

import brotli
import structlog
from werkzeug.datastructures import Accept

log = structlog.get_logger(__name__)
SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""Encoding → suffix of the copy, the preferred encoding first."""
TYPES = (".css", ".js", ".svg")
FOLDER = "assets"


def copy_of(instance: Path, kit: str, version: str, name: str, encoding: str) -> Path:
    """Return the path of a compressed copy.

    Args:
        instance: the instance directory.
        kit: name of the kit.
        version: version of the kit.
        name: the path within the kit.
        encoding: br or gzip.
    """
    return instance / FOLDER / f"{kit}-{version}" / f"{name}{SUFFIXES[encoding]}"


def prepare(instance: Path, files: dict[tuple[str, str, str], Path]) -> None:
    """Make the missing copies, and delete those of other versions.

    Args:
        instance: the instance directory.
        files: kit, version and name → the file.
    """
    try:
        for (kit, version, name), path in files.items():
            for encoding in SUFFIXES:
                copy = copy_of(instance, kit, version, name, encoding)
                if not _complete(copy):
                    _write(copy, compress(path.read_bytes(), encoding))
        current = {f"{kit}-{version}" for kit, version, _ in files}
        for folder in (instance / FOLDER).iterdir():
            if folder.name not in current:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        log.warning("static files are sent uncompressed", error=str(error))


def compress(content: bytes, encoding: str) -> bytes:
    """Return content in an encoding."""
    if encoding == "br":
        # 11 would save a tenth more, and take four times as long at the first start
        return bytes(brotli.compress(content, quality=9))
    return zlib.compress(content, 9, 16 + zlib.MAX_WBITS)


def accepted(encodings: Accept) -> list[str]:
    """Return the encodings that a client accepts, the best first."""
    known = [name for name in SUFFIXES if encodings.quality(name) > 0]
    return sorted(known, key=lambda name: -encodings.quality(name))


def _complete(path: Path) -> bool:
    """Return whether a copy exists; a power failure may have left an empty one."""
    return path.is_file() and path.stat().st_size > 0


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)  # other processes never see a part of it
