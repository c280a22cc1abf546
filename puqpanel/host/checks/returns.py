"""Rules about what methods return."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from puqpanel.host.checks.declared import VERBS
from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Source, entry, inside, text_of
from puqpanel.host.contract.names import python_name

_RESULT_KEYS = frozenset({"status", "success"})
_SAVES = ("save_product_data", "save_service_data", "save_module_data")


@rule(
    "job-without-return",
    Severity.ERROR,
    "Return Result.success(), Result.error(…) or Result.pending(…) on every path.",
)
def job_without_return(source: Source) -> Iterator[Problem]:
    """The panel decides by the result whether a service was created, a message sent and so on. A
    job that returns no result fails, although the provider may have done the work.
    """
    for name in sorted(_jobs(source)):
        yield from _wrong_returns(source, name, "a result", _no_result)


def _wrong_returns(
    source: Source, name: str, expected: str, wrong: Callable[[ast.expr], bool]
) -> Iterator[Problem]:
    """Yield where a method may end without a return value, and where it returns a wrong one."""
    function = source.methods.get(name)
    if function is None or isinstance(function.body[-1], ast.Raise):
        return
    returns = [node for node in inside(function) if isinstance(node, ast.Return)]
    if not returns or _falls_through(function.body):
        yield Problem(
            source.where(function),
            function.lineno,
            f"{function.name}() can end without returning {expected}.",
        )
    for node in returns:
        if node.value is None or wrong(node.value):
            yield Problem(
                source.where(function),
                node.lineno,
                f"{function.name}() returns {_shown(node.value)} instead of {expected}.",
            )


def _jobs(source: Source) -> set[str]:
    """The methods whose result the panel needs: verbs and their jobs, those of the type, and those
    that schedules and tasks name.
    """
    verbs = {name for verb in VERBS for name in (verb, f"{verb}_job")}
    named = {"Product": verbs, "Notification": {"send"}, "Payment": {"refund"}}.get(
        source.type, set()
    )
    schedule = source.methods.get("scheduler")
    entries = [
        node for node in (ast.walk(schedule) if schedule else ()) if isinstance(node, ast.Dict)
    ]
    entries += [node for _, node in source.all(ast.Dict) if entry(node, "module") is not None]
    methods = (text_of(entry(node, "method")) for node in entries)
    return named | {python_name(method) for method in methods if method}


def _no_result(value: ast.expr) -> bool:
    """Whether a literal cannot be a result."""
    if isinstance(value, ast.Constant):
        return value.value != "success"
    return isinstance(value, ast.List | ast.Set | ast.JoinedStr) or _bare(value)


def _bare(value: ast.expr) -> bool:
    """Whether a literal is a dictionary without the keys of a result."""
    return (
        isinstance(value, ast.Dict)
        and None not in value.keys
        and not _RESULT_KEYS & {text_of(key) for key in value.keys}
    )


def _shown(value: ast.expr | None) -> str:
    """How a sentence names a returned literal."""
    if value is None:
        return "nothing"
    if isinstance(value, ast.Constant) and not isinstance(value.value, str | bytes):
        return ast.unparse(value)
    return {"Dict": "bare data", "List": "a list", "Set": "a set"}.get(
        type(value).__name__, "a string"
    )


def _falls_through(body: list[ast.stmt]) -> bool:
    """Whether the end of a block can be reached."""
    last = body[-1]
    if isinstance(last, ast.Return | ast.Raise | ast.Continue | ast.Break):
        return False
    if isinstance(last, ast.If):
        return not last.orelse or _falls_through(last.body) or _falls_through(last.orelse)
    if isinstance(last, ast.With | ast.AsyncWith):
        return _falls_through(last.body)
    if isinstance(last, ast.Try):
        if last.finalbody and not _falls_through(last.finalbody):
            return False
        normal = _falls_through(last.orelse) if last.orelse else _falls_through(last.body)
        return normal or any(_falls_through(handler.body) for handler in last.handlers)
    if isinstance(last, ast.Match):
        whole = any(
            isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
            for case in last.cases
        )
        return not whole or any(_falls_through(case.body) for case in last.cases)
    if isinstance(last, ast.While):
        endless = isinstance(last.test, ast.Constant) and bool(last.test.value)
        return not endless or any(isinstance(part, ast.Break) for part in ast.walk(last))
    return True


@rule(
    "save-returns-data",
    Severity.ERROR,
    'Return {"status": "success", "data": data}, or Result.success(data=data).',
)
def save_returns_data(source: Source) -> Iterator[Problem]:
    """The panel stores the “data” of the result that a save method returns. Bare data has no
    status, so nothing is saved.
    """
    for name in _SAVES:
        function = source.methods.get(name)
        parameters = {one.arg for one in function.args.args[1:]} if function else set()

        def bare(value: ast.expr, names: frozenset[str] = frozenset(parameters)) -> bool:
            return _no_result(value) or (isinstance(value, ast.Name) and value.id in names)

        yield from _wrong_returns(source, name, "a result", bare)


@rule("answers-true", Severity.ERROR, 'Return "success", or a message that says what is wrong.')
def answers_true(source: Source) -> Iterator[Problem]:
    """activate(), update() and deactivate() succeed only if they return "success"; staff see
    anything else as the reason why the module's state did not change.
    """
    for name in ("activate", "update", "deactivate"):
        yield from _wrong_returns(
            source,
            name,
            '"success"',
            lambda value: isinstance(value, ast.Constant) and not isinstance(value.value, str),
        )
