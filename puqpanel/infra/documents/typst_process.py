"""The process that compiles templates; `compiler.py` starts it, and stops it if it takes too long.

It is run by its path with `python -I`, an empty environment and resource limits, and imports
nothing of the panel. Templates can read only the directory it is given, which holds the logo.

A message is its length (4 bytes) and JSON. A request has `template`, `inputs` (name → text), `logo`
(name and base64), `timestamp` and `format`; a response has `files` (base64) or `error`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import select
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import typst
from pymupdf_fonts import (
    FiraGO_Bold,
    FiraGO_Regular,
    NotoSans_Bold,
    NotoSans_Italic,
    NotoSans_Regular,
)

IDLE_SECONDS = 60
MEMORY_BYTES = 2**30
"""Of address space; 130 MB of it are used before the first template."""
OUT_OF_MEMORY = 3
"""The exit code when Python runs out of memory; typst aborts."""
FILE_BYTES = 64 * 2**20
PIXELS_PER_INCH = 110
_NOTO = (NotoSans_Regular, NotoSans_Bold, NotoSans_Italic)
_FACES = (*_NOTO, FiraGO_Regular, FiraGO_Bold)
_COMPOSITION, _UNUSED = b"ccmp", b"xcmp"
"""A feature of Noto Sans, which takes the dots off Ukrainian і and Serbian ј in this version; with
another tag it is never applied. The panel composes accents itself, in `printable`."""
_USE_FACES = b"""
#let faces = [A *A* _A_]
#text(font: "Noto Sans", faces) #text(font: "FiraGO", faces)
"""
_LINE = re.compile(r"__typst_py_bytes__\.typ:(\d+):\d+")


def main(folder: Path, connection: socket.socket) -> None:
    """Answer requests until the connection closes or none has come for a minute."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    fonts = load_fonts(folder)
    while select.select([connection], [], [], IDLE_SECONDS)[0]:
        request = receive(connection)
        if request is None:
            break
        send(connection, answer(request, folder, fonts))


def load_fonts(folder: Path) -> typst.Fonts:
    """Return the fonts; typst reads them from files, which are not needed after their first use."""
    files = folder / "fonts"
    files.mkdir()
    for number, face in enumerate(_FACES):
        font = face.fontbuffer
        content = _without_composition(font) if face in _NOTO else font
        (files / f"{number}.ttf").write_bytes(content)
    fonts = typst.Fonts(False, False, [str(files)])
    typst.Compiler(font_paths=fonts, ignore_system_fonts=True).compile(_USE_FACES, format="pdf")
    shutil.rmtree(files)
    return fonts


def _without_composition(font: bytes) -> bytes:
    record = font.index(b"GSUB")  # in the directory of tables
    start = int.from_bytes(font[record + 8 : record + 12], "big")
    end = start + int.from_bytes(font[record + 12 : record + 16], "big")
    table = font[start:end].replace(_COMPOSITION, _UNUSED)
    return font[:start] + table + font[end:]


def answer(request: dict[str, Any], folder: Path, fonts: typst.Fonts) -> dict[str, Any]:
    """Compile a template."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    if request["logo"]:
        name, content = request["logo"]
        (root / name).write_bytes(base64.b64decode(content))
    compiler = typst.Compiler(
        root=root,
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs=request["inputs"],
        package_path=folder / "none",
        package_cache_path=folder / "none",
    )
    template = request["template"].encode()
    try:
        if request["format"] == "png":
            result = compiler.compile(template, format="png", ppi=PIXELS_PER_INCH)
        else:
            result = compiler.compile(
                template, format="pdf", pdf_standards="a-3b", timestamp=request["timestamp"]
            )
    except typst.TypstError as error:
        return {"error": describe(error)}
    files = result if isinstance(result, list) else [result or b""]
    return {"files": [base64.b64encode(content).decode() for content in files]}


def describe(error: typst.TypstError) -> dict[str, Any]:
    """Return the message of the compiler, and the line of the template that it is about."""
    line = _LINE.search("\n".join([error.diagnostic, *error.trace]))
    hints = [f"Hint: {hint}." for hint in error.hints]
    return {"message": " ".join([error.message, *hints]), "line": int(line[1]) if line else None}


def receive(connection: socket.socket) -> Any:
    """Return the next message; None at the end."""
    length = _exactly(connection, 4)
    content = _exactly(connection, int.from_bytes(length, "big")) if length else b""
    return json.loads(content) if content else None


def send(connection: socket.socket, message: object) -> None:
    """Send a message."""
    content = json.dumps(message).encode()
    connection.sendall(len(content).to_bytes(4, "big") + content)


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)


if __name__ == "__main__":
    directory, code = Path(sys.argv[1]), 0
    try:
        main(directory, socket.socket(fileno=0))
    except MemoryError:
        code = OUT_OF_MEMORY
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(code)  # without the destructors of a library of 80 MB
