"""Calls of the SDK and of the module's own methods, compared with what they call.

Needs the loaded module: names are resolved in the files' own namespaces, so that this layer needs
no knowledge of the SDK.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from puqpanel.domain.suggestions import did_you_mean, nearest
from puqpanel.host.checks.finding import Problem, Rule, Severity, add
from puqpanel.host.checks.source import Code, Source, last_name, targets_of
from puqpanel.host.contract.names import python_name
from puqpanel.host.loaded import LoadedModule

add(
    Rule(
        "unknown-method",
        Severity.ERROR,
        "A method that does not exist raises an exception when the line runs.",
        "Correct the name; the API reference lists all methods.",
    ),
    Rule(
        "wrong-arguments",
        Severity.ERROR,
        "A call with too few, too many or unknown arguments raises an exception when it runs.",
        "Pass the arguments of the signature in the API reference.",
    ),
)
_SDK = "puqpanel.sdk"


def wrong_calls(source: Source, loaded: LoadedModule) -> Iterator[tuple[str, Problem]]:
    """(rule id, place) of calls that cannot work."""
    assigned = {
        last_name(target)
        for _, node in source.all(ast.Assign, ast.AnnAssign)
        for target in targets_of(node)
        if isinstance(target, ast.Attribute)
    }
    for code in source.own:
        names = _namespace(code, loaded)
        hidden = _local_names(code)
        main = _nodes_of_main(code, source)
        for node in code.all(ast.Call):
            owner, called = _resolve(node.func, names, hidden, loaded, node in main)
            if owner is None:
                continue
            attribute = last_name(node.func)
            if called is None:
                if attribute not in assigned and not hasattr(owner, "__getattr__"):
                    yield "unknown-method", _unknown(code, node, owner, attribute)
            elif problem := _mismatch(node, called, owner):
                yield "wrong-arguments", Problem(code.path, node.lineno, problem)


def _namespace(code: Code, loaded: LoadedModule) -> dict[str, Any]:
    """The global names of a file, if it was imported."""
    name = code.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    module = sys.modules.get(f"{loaded.package}.{name}")
    return vars(module) if module is not None else {}


def _local_names(code: Code) -> set[str]:
    """Names that a function of the file binds itself, so that a global of that name is unknown."""
    found = {node.arg for node in code.all(ast.arg)}
    return found | {
        node.id
        for function in code.all(ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _nodes_of_main(code: Code, source: Source) -> set[ast.AST]:
    """The nodes of the module's class: `self` is the module there."""
    if code.path != source.main or source.module_class is None:
        return set()
    return set(ast.walk(source.module_class))


def _resolve(
    function: ast.expr, names: dict[str, Any], hidden: set[str], loaded: LoadedModule, own: bool
) -> tuple[Any, Any]:
    """The owner and the called object; the object is None if the owner has no such name, and the
    owner is None if it is not known.
    """
    if isinstance(function, ast.Name):
        called = names.get(function.id) if function.id not in hidden else None
        return (called, called) if _of_sdk(called) else (None, None)
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return None, None
    if function.value.id == "self" and own:
        found = inspect.getattr_static(loaded.cls, function.attr, None)
        if isinstance(found, property):
            return None, None
        return loaded.cls, found
    owner = names.get(function.value.id) if function.value.id not in hidden else None
    if not (_of_sdk(owner) or (inspect.ismodule(owner) and owner.__name__.startswith(_SDK))):
        return None, None
    return owner, getattr(owner, function.attr, None)


def _of_sdk(value: Any) -> bool:
    where = value if inspect.isclass(value) or inspect.isroutine(value) else type(value)
    return str(getattr(where, "__module__", "")).startswith((_SDK, "puqpanel.host.contract"))


def _unknown(code: Code, node: ast.Call, owner: Any, attribute: str) -> Problem:
    title = (
        "self"
        if isinstance(node.func, ast.Attribute) and last_name(node.func.value) == "self"
        else _title(owner)
    )
    public = [name for name in dir(owner) if not name.startswith("_")]
    spelt = [name for name in public if python_name(name) != name or "_" not in name]
    vendor = attribute != attribute.lower()
    pool = spelt if vendor else public
    near = nearest(attribute, pool, 0.4) or nearest(attribute, public, 0.4)
    return Problem(
        code.path,
        node.lineno,
        f"{title}.{attribute}() does not exist." + did_you_mean(near and f"{title}.{near}()"),
    )


def _mismatch(node: ast.Call, called: Callable[..., Any], owner: Any) -> str:
    """What is wrong with the arguments of a call; empty if nothing, or if it cannot be said."""
    if any(isinstance(one, ast.Starred) for one in node.args) or any(
        one.arg is None for one in node.keywords
    ):
        return ""
    of_instance = inspect.isfunction(called) and inspect.isclass(owner)
    if isinstance(called, staticmethod):
        called, of_instance = called.__func__, False
    elif isinstance(called, classmethod):
        called, of_instance = called.__func__, True
    elif of_instance and last_name(node.func.value) != "self":  # type: ignore[attr-defined]
        static = inspect.getattr_static(owner, last_name(node.func), None)
        of_instance = not isinstance(static, staticmethod)
        if of_instance:
            return ""  # an unbound method, called with its instance
    try:
        signature = inspect.signature(called)
        signature.bind(
            *[None] * (len(node.args) + of_instance),
            **{str(one.arg): None for one in node.keywords},
        )
    except TypeError as error:
        return f"{ast.unparse(node.func)}(): {error}."
    except ValueError:
        return ""
    return ""


def _title(owner: Any) -> str:
    name = str(getattr(owner, "__name__", type(owner).__name__))
    return name.rpartition(".")[2]
