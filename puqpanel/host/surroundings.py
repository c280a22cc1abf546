"""Puts back what a module's code changed of the process around it and that others count on."""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from types import ModuleType

from puqpanel.host.importer import PREFIX
from puqpanel.host.output_redaction import Masked
from puqpanel.host.process import unchanged

COPY = 71
"""The exit code of a process that a module forked and that came back out of its call."""


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Keeps the working folder, the recursion limit, the default timeout of sockets, the
    entries of `sys.modules` and the state of the whole process; masks what is printed.
    """
    me, output, errors = os.getpid(), sys.stdout, sys.stderr
    if not isinstance(output, Masked):
        sys.stdout, sys.stderr = Masked(output), Masked(errors)
    folder, depth, timeout, loaded = (
        _folder(),
        sys.getrecursionlimit(),
        socket.getdefaulttimeout(),
        dict(sys.modules),
    )
    try:
        with unchanged():
            yield
    finally:
        if os.getpid() != me:
            # a copy that the module forked: it must not answer what the panel answers
            os._exit(COPY)
        for one in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                one.flush()
        sys.stdout, sys.stderr = output, errors
        if folder and _folder() != folder:
            with contextlib.suppress(OSError):
                os.chdir(folder)
        if sys.getrecursionlimit() != depth:
            sys.setrecursionlimit(depth)
        if socket.getdefaulttimeout() != timeout:
            socket.setdefaulttimeout(timeout)
        if any(sys.modules.get(name) is not module for name, module in loaded.items()):
            _put_back(loaded)


def _put_back(loaded: dict[str, ModuleType]) -> None:
    for name, module in loaded.items():
        # a module that was unloaded meanwhile stays away; a library may put something else in its
        # own place, the panel does not
        if not name.startswith(PREFIX) and (name not in sys.modules or name.startswith("puqpanel")):
            sys.modules[name] = module


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
