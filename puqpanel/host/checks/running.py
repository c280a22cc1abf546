"""Rules about code that runs in the panel's processes: what it must not hold up, end, or share."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Code, Source, dotted, inside, last_name, targets_of
from puqpanel.host.contract.names import python_name

_REQUESTS = re.compile(r"requests\.(get|post|put|patch|delete|head|options|request)")
_OTHERS = {
    "urllib.request.urlopen": 2,
    "urlopen": 2,
    "socket.create_connection": 1,
    "create_connection": 1,
    "smtplib.SMTP": 3,
    "smtplib.SMTP_SSL": 5,
    "SMTP": 3,
    "SMTP_SSL": 5,
    "ftplib.FTP": 4,
    "imaplib.IMAP4_SSL": 4,
    "telnetlib.Telnet": 2,
    "http.client.HTTPConnection": 2,
    "http.client.HTTPSConnection": 4,
    "HTTPConnection": 2,
    "HTTPSConnection": 4,
    "subprocess.run": 99,
    "subprocess.call": 99,
    "subprocess.check_call": 99,
    "subprocess.check_output": 99,
}
_ENDS = frozenset(
    {
        "sys.exit",
        "os._exit",
        "os.abort",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.killpg",
        "signal.signal",
        "signal.alarm",
        "signal.setitimer",
        "exit",
        "quit",
    }
)
_SAFE_SHARED = frozenset(
    {"job_options", "repeatable", "fillable", "__slots__", "__mapper_args__", "__table_args__"}
)
_DECLARING = frozenset({"Form", "Enum", "StrEnum", "NamedTuple", "TypedDict", "Base"})
"""Base classes whose attributes are declarations."""
_PAGES = re.compile(
    r"(create|suspend|unsuspend|termination|change_package|idle|unidle|cancellation|get_\w+_page|get_\w+_data|save_\w+_data|get_client_area_html|api_webhook_\w+"
    r"|admin_\w+|controller_client_\w+|variables_\w+|scheduler|get_client_area_menu_config)"
)


@rule("swallows-timeout", Severity.ERROR, "Catch Exception or narrower, or re-raise it.")
def swallows_timeout(source: Source) -> Iterator[Problem]:
    """A job that times out is stopped by a BaseException.

    `except:` and `except BaseException` catch it too, so the job continues until it is killed, and
    its result at the provider is unknown.
    """
    for code, node in source.all(ast.ExceptHandler):
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = [
            kind
            for kind in kinds
            if kind is None or last_name(kind) in ("BaseException", "SystemExit")
        ]
        if broad and not any(isinstance(part, ast.Raise) for part in inside(node)):
            shown = f"except {last_name(broad[0])}" if broad[0] is not None else "except:"
            yield Problem(
                code.path,
                node.lineno,
                f"“{shown}” also catches the exception that stops a timed-out job.",
            )


@rule(
    "missing-timeout",
    Severity.ERROR,
    "Set a timeout in seconds, or use puqpanel.sdk.http, which has a default.",
)
def missing_timeout(source: Source) -> Iterator[Problem]:
    """Without a timeout, an unresponsive provider blocks a worker until the task times out, or a
    page until its process is replaced. Half of the threads of a web process may wait for a module;
    further requests for it are refused.
    """
    for code in source.own:
        sessions = _sessions(code)
        settled = "settimeout(" in code.text or "setdefaulttimeout(" in code.text
        for node in code.all(ast.Call):
            name = dotted(node.func)
            given = next(
                (keyword.value for keyword in node.keywords if keyword.arg == "timeout"), None
            )
            more = any(keyword.arg is None for keyword in node.keywords)
            nothing = isinstance(given, ast.Constant) and given.value is None
            verb = _REQUESTS.fullmatch(name) or (
                name.count(".")
                and name.split(".")[-2] in sessions
                and _REQUESTS.fullmatch(f"requests.{last_name(node.func)}")
            )
            position = 99 if verb else _OTHERS.get(name)
            if name.startswith(("httpx.", "aiohttp.")):
                if nothing:
                    yield Problem(code.path, node.lineno, f"{name}() has its timeout disabled.")
            elif (
                position is not None
                and not more
                and (nothing or (given is None and len(node.args) <= position))
            ):
                yield Problem(code.path, node.lineno, f"{name}() has no timeout.")
            elif name == "socket.socket" and not settled:
                yield Problem(
                    code.path,
                    node.lineno,
                    "This socket has no timeout.",
                    "Call settimeout() on it.",
                )
            elif (
                isinstance(node.func, ast.Attribute)
                and node.func.attr == "communicate"
                and given is None
                and not more
                and len(node.args) < 2
            ):
                yield Problem(code.path, node.lineno, "communicate() has no timeout.")


def _sessions(code: Code) -> set[str]:
    """What the file calls its sessions of requests."""
    found = set()
    for node in code.all(ast.Assign, ast.withitem):
        value = node.value if isinstance(node, ast.Assign) else node.context_expr
        if isinstance(value, ast.Call) and dotted(value.func) in (
            "requests.Session",
            "requests.session",
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.optional_vars]
            found |= {last_name(target) for target in targets if target is not None}
    return found


@rule(
    "ends-the-process",
    Severity.ERROR,
    "Raise an exception or return an error; run background work in a job.",
)
def ends_the_process(source: Source) -> Iterator[Problem]:
    """Other pages and tasks run in the same process.

    If a module exits, forks or sends a signal, it affects all of them.
    """
    for code, node in source.all(ast.Call):
        name = dotted(node.func)
        if name in _ENDS or name.startswith(("os.exec", "os.spawn")):
            yield Problem(
                code.path,
                node.lineno,
                f"{name}() affects the entire process, not only this module.",
            )
    for code, node in source.all(ast.Raise):
        if node.exc is not None and last_name(node.exc) == "SystemExit":
            yield Problem(
                code.path,
                node.lineno,
                "SystemExit affects the entire process, not only this module.",
            )


@rule(
    "background-thread",
    Severity.WARNING,
    'Add a task: Task.add("ModuleJob", …), or declare periodic work in scheduler().',
)
def background_thread(source: Source) -> Iterator[Problem]:
    """A thread outlives its request or job: it keeps running old code after an update, its
    failures go unnoticed, and a restart interrupts it.
    """
    for code, node in source.all(ast.Call):
        if dotted(node.func) in (
            "threading.Thread",
            "Thread",
            "threading.Timer",
            "multiprocessing.Process",
        ):
            yield Problem(
                code.path,
                node.lineno,
                f"{dotted(node.func)}() continues after the call returns.",
            )


@rule(
    "blocking-sleep",
    Severity.WARNING,
    "Return now and check again later: with Result.pending() in a job, by polling on a page.",
)
def blocking_sleep(source: Source) -> Iterator[Problem]:
    """A page that sleeps occupies a thread of the web process.

    Half of the threads may wait for a module; further requests for it are refused.
    """
    for code, function in source.all(ast.FunctionDef, ast.AsyncFunctionDef):
        if not (
            code.path.startswith(("controllers/", "Controllers/"))
            or _PAGES.fullmatch(python_name(function.name))
        ):
            continue
        for node in inside(function):
            if isinstance(node, ast.Call) and dotted(node.func) in ("time.sleep", "sleep"):
                yield Problem(
                    code.path,
                    node.lineno,
                    f"{function.name}() sleeps during a request.",
                )


@rule(
    "shared-state",
    Severity.WARNING,
    "Set it in __init__(), after super().__init__(); store longer-lived data in the cache or a"
    " table.",
)
def shared_state(source: Source) -> Iterator[Problem]:
    """A mutable class attribute or global is shared by all calls in a process, so data of one
    customer's service leaks into the next. Each process also has its own copy, so the values
    differ.
    """
    for code, node in source.all(ast.ClassDef):
        if node.decorator_list or any(last_name(base) in _DECLARING for base in node.bases):
            continue
        for part in node.body:
            constant = isinstance(part, ast.AnnAssign) and "ClassVar" in ast.unparse(
                part.annotation
            )
            for target in targets_of(part)[:1]:
                name = last_name(target)
                if (
                    isinstance(target, ast.Name)
                    and name not in _SAFE_SHARED
                    and not name.isupper()
                    and not constant
                    and _changes(part.value)
                ):
                    yield Problem(
                        code.path, part.lineno, f"{node.name}.{name} is shared by all instances."
                    )
    for code, function in source.all(ast.FunctionDef, ast.AsyncFunctionDef):
        for node in inside(function):
            if isinstance(node, ast.Global):
                yield Problem(
                    code.path,
                    node.lineno,
                    f"{function.name}() changes the global {', '.join(node.names)}, which every"
                    " call in this process shares.",
                )


def _changes(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return last_name(value.func) in (
            "list",
            "dict",
            "set",
            "defaultdict",
            "OrderedDict",
            "deque",
        )
    return isinstance(
        value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    )


@rule("work-at-import", Severity.WARNING, "Move it into the method that needs it.")
def work_at_import(source: Source) -> Iterator[Problem]:
    """The file is imported when a process starts or any module changes, with a limit of 10
    seconds. If the provider is unavailable then, the module does not load.
    """
    for code in source.own:
        for node in code.tree.body if code.tree else ():
            if isinstance(
                node,
                ast.FunctionDef
                | ast.AsyncFunctionDef
                | ast.ClassDef
                | ast.Import
                | ast.ImportFrom
                | ast.If,
            ):
                continue
            for part in inside(node):
                name = dotted(part.func) if isinstance(part, ast.Call) else ""
                if (
                    _REQUESTS.fullmatch(name)
                    or name in _OTHERS
                    or name in ("time.sleep", "http.session", "open")
                    or name.startswith("DB.")
                ):
                    yield Problem(
                        code.path, node.lineno, f"{name}() runs when the file is imported."
                    )
