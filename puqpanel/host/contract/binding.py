"""Binds the arguments of a call to what a module's method declares.

As in the vendor's PHP, a method that declares fewer parameters than it is given gets the first
ones. Parameters of an address go to those of the same name, otherwise in order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any
from weakref import WeakKeyDictionary

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_signatures: WeakKeyDictionary[Any, inspect.Signature] = WeakKeyDictionary()


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
    signature = _signature(function)
    if signature is None:
        return args, params
    parameters = signature.parameters
    open_ended = any(one.kind is one.VAR_POSITIONAL for one in parameters.values())
    positional = [name for name, one in parameters.items() if one.kind in _POSITIONAL]
    keywords = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if params and all(name in parameters or keywords for name in params):
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


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return a function's signature, without self; None if it has none."""
    key = getattr(function, "__func__", function)
    try:
        found = _signatures.get(key)
        if found is None:
            found = _signatures[key] = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    return found
