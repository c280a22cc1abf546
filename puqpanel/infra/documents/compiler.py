"""Compiling templates by typst, with a time limit.

Templates are compiled in a child process (`typst_process.py`). Each process of the panel starts one
when it first needs it; the child keeps fonts and compiled templates in memory, and exits when it
has not been used for a minute. A template that takes too long ends with its child.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from puqpanel.domain.images import Image
from puqpanel.domain.texts import Text, _, verbatim

LIMIT_SECONDS, LINES_PER_SECOND, MAX_LIMIT_SECONDS = 10, 50, 25
"""How long a template may take: longer for documents of many lines, but less than a request may."""
_PROGRAM = Path(__file__).with_name("typst_process.py")
_OUT_OF_MEMORY = 3
"""The exit code of the program when Python, rather than typst, runs out of memory."""
_UNREACHABLE = "http://127.0.0.1:9"
"""A proxy where nothing listens, so that typst cannot download packages."""
_ATTACH = """
#pdf.attach("factur-x.xml", bytes(sys.inputs.xml), relationship: "alternative",
  mime-type: "text/xml", description: "Factur-X")
"""
_SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/svg+xml": "svg"}


class TemplateError(Exception):
    """A template does not compile.

    Attributes:
        message: what the compiler says, in English, or why it was stopped.
        line: of the template; None if the error is not on a line.
    """

    def __init__(self, message: Text, line: int | None = None) -> None:
        super().__init__(message, line)
        self.message, self.line = message, line

    def __str__(self) -> str:
        if self.line is None:
            return str(self.message)
        return str(_("Line %(line)s: %(message)s", line=self.line, message=self.message))


class LimitError(TemplateError):
    """A template takes too long or too much memory; at another time it may compile."""


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    connection: socket.socket
    folder: Path

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


_lock = threading.Lock()
_child: _Child | None = None


def logo_name(logo: Image) -> str:
    """Return the name of the file under which a template finds the logo."""
    return f"logo.{_SUFFIXES[logo.content_type]}"


def compile_template(
    template: str,
    data: dict[str, Any],
    logo: Image | None = None,
    *,
    xml: bytes = b"",
    timestamp: int = 0,
    output: Literal["pdf", "png"] = "pdf",
    lines: int = 0,
) -> list[bytes]:
    """Compile a template to PDF/A-3b, or to a PNG for each page.

    Args:
        template: the source.
        data: what it shows, as JSON in `sys.inputs.data`.
        logo: a file next to the template.
        xml: a Factur-X invoice that is attached to the PDF; empty for none.
        timestamp: the time of creation that the PDF states, in seconds since 1970.
        output: the format.
        lines: how many the document has, which decide how long it may take.

    Raises:
        LimitError: it does not compile within the limits.
        TemplateError: it does not compile.
        RuntimeError: the program does not run; its standard error says why.
    """
    request = {
        "template": template + _ATTACH * bool(xml),
        "inputs": {"data": json.dumps(data), "xml": xml.decode()},
        "logo": [logo_name(logo), base64.b64encode(logo.content).decode()] if logo else None,
        "timestamp": timestamp,
        "format": output,
    }
    content = json.dumps(request).encode()
    limit = min(LIMIT_SECONDS + lines // LINES_PER_SECOND, MAX_LIMIT_SECONDS)
    with _lock:
        response = json.loads(_exchange(len(content).to_bytes(4, "big") + content, limit))
    if "error" in response:
        raise TemplateError(verbatim(response["error"]["message"]), response["error"]["line"])
    return [base64.b64decode(each) for each in response["files"]]


def _exchange(request: bytes, limit: int) -> bytes:
    """Send a request to the child and return its response, which takes at most `limit` seconds."""
    if _child is not None:
        # an idle child may have just exited
        with contextlib.suppress(ConnectionError):
            return _ask(_child, request, limit)
        stop()
    child = _start()
    try:
        return _ask(child, request, limit)
    except ConnectionError:
        code = child.process.wait()
        stop()
        if code < 0 or code == _OUT_OF_MEMORY:
            raise LimitError(_("The template needs too much memory.")) from None
        raise RuntimeError(f"{_PROGRAM} exited with code {code}") from None


def _ask(child: _Child, request: bytes, limit: int) -> bytes:
    until = time.monotonic() + limit
    try:
        child.connection.settimeout(limit)
        child.connection.sendall(request)
        length = int.from_bytes(_receive(child.connection, 4, until), "big")
        return _receive(child.connection, length, until)
    except TimeoutError:
        stop()
        message = _("The template takes longer than %(limit)s seconds.", limit=limit)
        raise LimitError(message) from None


def _receive(connection: socket.socket, length: int, until: float) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        connection.settimeout(max(0.001, until - time.monotonic()))
        part = connection.recv(min(length - len(parts), 2**20))
        if not part:
            raise ConnectionResetError
        parts += part
    return bytes(parts)


def _start() -> _Child:
    global _child
    folder = Path(tempfile.mkdtemp(prefix="puqpanel-pdf-"))
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM), str(folder)],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            env={
                "HTTPS_PROXY": _UNREACHABLE,
                "HTTP_PROXY": _UNREACHABLE,
                "TMPDIR": str(folder),
                # one invoice is too little for threads, and each reserves address space
                "RAYON_NUM_THREADS": "1",
                "MALLOC_ARENA_MAX": "1",
            },
        )
    _child = _Child(process, ours, folder)
    return _child


def stop() -> None:
    """Stop the child of this process, if there is one; the next template starts another."""
    global _child
    if _child is not None:
        _child.stop()
        _child = None


def _forget() -> None:
    """Leave the child to the parent after a fork."""
    global _child, _lock
    if _child is not None:
        _child.connection.close()
        _child.process.returncode = 0  # not ours to wait for
    _child, _lock = None, threading.Lock()


atexit.register(stop)
os.register_at_fork(after_in_child=_forget)
