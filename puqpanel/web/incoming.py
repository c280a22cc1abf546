"""What comes in with a request: texts that every database stores, whoever reads them.

The body itself stays as it came, for signatures over it.
"""

from __future__ import annotations

from typing import Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.utils import cached_property

from puqpanel.infra.redact import storable

Values = MultiDict[str, str]


class StorableRequest(Request):
    """Flask's request; a NUL or half of a surrogate pair in an argument, a field or a JSON text
    is replaced, as it is wherever the panel stores.
    """

    @cached_property
    def args(self) -> Values:
        """The address's arguments."""
        return _clean(super().args)

    def _load_form_data(self) -> None:
        read = "form" in self.__dict__
        super()._load_form_data()
        if not read:
            self.__dict__["form"] = _clean(self.__dict__["form"])

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as JSON."""
        found = super().get_json(force, silent, cache)
        # only what is written with an escape can be of that kind
        return _cleaned(found) if found is not None and b"\\u" in self.get_data() else found


def _clean(values: Values) -> Values:
    pairs = list(values.items(multi=True))
    clean = [(storable(name), storable(value)) for name, value in pairs]
    return values if clean == pairs else ImmutableMultiDict(clean)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {storable(name): _cleaned(one) for name, one in value.items()}
    return value
