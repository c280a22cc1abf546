"""What the contract adds to a web framework's request, without knowing the framework."""

from collections.abc import Mapping
from typing import Any


class RequestMethods:
    """`all()`, `input()` and their like, for a class that has args, form and get_json()."""

    def all(self) -> dict[str, Any]:
        """Query, form and JSON in one dictionary.

        The body's values come before the query's, the form's token is left out.
        """
        mine: Any = self
        found = fields(mine.args)
        found.update(fields(mine.form))
        body = mine.get_json(silent=True) if mine.is_json else None
        if isinstance(body, Mapping):
            found.update({str(key): value for key, value in body.items()})
        for name in ("csrf_token", "_token"):
            found.pop(name, None)
        return found

    def input(self, name: str, default: Any = None) -> Any:
        """Return one value of `all()`."""
        return self.all().get(name, default)

    def get(self, name: str, default: Any = None) -> Any:
        """Return one value; the same as `input`."""
        return self.input(name, default)

    def has(self, name: str) -> bool:
        """Return whether it was sent."""
        return name in self.all()


def fields(data: Any) -> dict[str, Any]:
    """Return a MultiDict as a dictionary.

    Of several values the last counts, unless the name ends in `[]`: then it is a list.
    """
    found: dict[str, Any] = {}
    for key in data:
        values = data.getlist(key)
        found[key.removesuffix("[]")] = (
            values if key.endswith("[]") else values[-1] if values else None
        )
    return found
