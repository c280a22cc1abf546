"""Binds the arguments of a call to what a module's method declares.

As in the vendor's PHP, a method that declares fewer parameters than it is given gets the first
ones. Parameters of an address go to those of the same name, otherwise in order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class _Parameters(NamedTuple):
    names: frozenset[str]
    positional: list[str]
    open_ended: bool
    keywords: bool


_known: WeakKeyDictionary[Any, _Parameters] = WeakKeyDictionary()


def bind(
    function: Callable[..., Any], args: tuple[Any, ...], params: Mapping[str, Any]
) -> Arguments:
    """Return the positional and keyword arguments to call a function with.

    Args:
        function: a bound method or a function.
        args: in order; the request of a controller.
        params: parameters of the address, by name, in the order of the address.
    """
    if not args and not params:
        return (), {}
    parameters = _parameters(function)
    if parameters is None:
        return args, params
    names, positional, open_ended, keywords = parameters
    if params and all(name in names or keywords for name in params):
        leading = list(takewhile(lambda name: name not in params, positional))
        others = [name for name in positional[len(leading) :] if name not in params]
        rest = args[len(leading) :]
        return args[: len(leading)], {**dict(zip(others, rest, strict=False)), **params}
    values = (*args, *params.values())
    if open_ended or len(values) <= len(positional):
        return values, {}
    if params and len(params) <= len(positional):
        return tuple(params.values()), {}  # the request is what it leaves out
    return values[: len(positional)], {}


def _parameters(function: Callable[..., Any]) -> _Parameters | None:
    """Return what a function declares, without self; None if it has no signature."""
    key = getattr(function, "__func__", function)
    try:
        found = _known.get(key)
        if found is None:
            found = _known[key] = _read(inspect.signature(function))
    except (TypeError, ValueError):
        return None
    return found


def _read(signature: inspect.Signature) -> _Parameters:
    kinds = {name: one.kind for name, one in signature.parameters.items()}
    return _Parameters(
        frozenset(kinds),
        [name for name, kind in kinds.items() if kind in _POSITIONAL],
        inspect.Parameter.VAR_POSITIONAL in kinds.values(),
        inspect.Parameter.VAR_KEYWORD in kinds.values(),
    )
