"""Whether a config.py may be run where pages are answered: one that only holds CONFIG = {…}
may, any other is tried in a process of its own first.
"""

import ast
import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 10.0
"""How long it is waited for.

Its process ends by itself soon after, whatever became of the one that waits.
"""
_CALLS = frozenset(
    {
        "dirname",
        "join",
        "abspath",
        "realpath",
        "normpath",
        "Path",
        "resolve",
        "joinpath",
        "absolute",
        "as_posix",
        "str",
        "dict",
        "format",
        "fspath",
    }
)
_LIBRARIES = frozenset({"os", "os.path", "pathlib", "__future__", "typing"})
_CHILD = """
import signal, sys
signal.alarm(int(sys.argv[3]))
try:
    source = open(sys.argv[1], "rb").read()
    code = compile(source, sys.argv[1], "exec", dont_inherit=True)
    exec(code, {"__file__": sys.argv[1], "__name__": "config"})
except BaseException:
    pass
import os
os.write(1, sys.argv[2].encode())
os._exit(0)
"""


def ending(path: Path) -> str:
    """How running a config.py ends the process that does it, `exit code 3`; empty where it does
    not.

    Args: path of the file, no larger than a config.py may be.
    """
    if _only_holds(path):
        return ""
    mark = secrets.token_hex(8)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CHILD, str(path), mark, str(int(SECONDS) + 2)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return "it could not be tried"
    said = b""
    try:
        said = process.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        return ""  # whoever runs it gives it up too, and says so
    finally:
        _end(process)
    if mark.encode() in said:
        return ""
    return (
        f"signal {-process.returncode}"
        if process.returncode < 0
        else f"exit code {process.returncode}"
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _only_holds(path: Path) -> bool:
    """Whether a file does no more than give names to values and paths; what cannot be parsed
    does not run at all.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return True
    return all(_is_harmless(node) for node in ast.walk(tree))


def _is_harmless(node: ast.AST) -> bool:
    match node:
        case ast.Import():
            return all(alias.name in _LIBRARIES for alias in node.names)
        case ast.ImportFrom():
            return (
                node.level == 0
                and node.module in _LIBRARIES
                and all(
                    alias.name in _CALLS or node.module in ("__future__", "typing")
                    for alias in node.names
                )
            )
        case ast.Call():
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else node.func.id
                if isinstance(node.func, ast.Name)
                else ""
            )
            return name in _CALLS
        case ast.Name():
            return isinstance(node.ctx, ast.Load) or node.id not in _CALLS
        case ast.stmt():
            return isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr))
        case (
            ast.Lambda()
            | ast.Await()
            | ast.Yield()
            | ast.YieldFrom()
            | ast.ListComp()
            | ast.SetComp()
            | ast.DictComp()
            | ast.GeneratorExp()
        ):
            return False
        case ast.Attribute():
            return isinstance(node.ctx, ast.Load) and not (
                node.attr.startswith("__") and node.attr.endswith("__")
            )
        case ast.alias():
            return node.asname is None or node.asname not in _CALLS
    return True
