"""`cache.remember("servers", 300, fetch)`: a module's own values for some seconds, the same in
every process, encrypted at rest.

A cache may forget at any moment, and while the queue server is away it does: what cannot be fetched
again belongs in a table.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from puqpanel.domain.errors import UserError
from puqpanel.host import context
from puqpanel.host.contract.names import bind
from puqpanel.infra import cache as store

HOUR = 3600


@bind
class Space:
    """The values of the running module, or those of them that were kept with certain tags."""

    def __init__(self, tags: Iterable[str] = ()) -> None:
        self._tags = sorted({str(tag) for tag in ([tags] if isinstance(tags, str) else tags)})

    def get(self, key: str, default: Any = None) -> Any:
        """A value; `default` (called, where it is a function) where there is none."""
        text = store.get(self._groups(), _name(key))
        if text is None:
            return default() if callable(default) else default
        return json.loads(text)

    def has(self, key: str) -> bool:
        """Whether there is one."""
        return self.get(key) is not None

    def put(self, key: str, value: Any, seconds: float = HOUR) -> bool:
        """Keeps a value, at most 30 days and 1 MB of JSON.

        Returns: False where it could not be kept. Raises: UserError where the value is not JSON.
        """
        return store.put(self._groups(), _name(key), _text(key, value), int(seconds))

    def remember(self, key: str, seconds: float, fetch: Callable[[], Any]) -> Any:
        """The value that is kept, or what `fetch()` answers, which is kept from then on.

        Raises as `put`.
        """
        found = self.get(key)
        if found is not None:
            return found
        text = _text(key, fetch())
        store.put(self._groups(), _name(key), text, int(seconds))
        # in the shape in which the next call finds it
        return json.loads(text)

    def forget(self, key: str) -> bool:
        """Drops one value; whether there was one."""
        return store.forget(self._groups(), _name(key))

    def flush(self) -> bool:
        """Drops every value of the module, or of these tags.

        Returns False where the queue server is away.
        """
        groups = self._groups()
        return store.forget_groups(*(groups[1:] or groups))

    def tags(self, *names: Any) -> "Space":
        """The values kept with all of these tags; flushing drops what has any of them."""
        return Space([one for name in names for one in ([name] if isinstance(name, str) else name)])

    def _groups(self) -> list[str]:
        call = context.current()
        if call is None:
            raise UserError(
                "The cache is for code that the panel called: outside a call it is not known whose"
                " values are meant."
            )
        return [call.prefix, *(f"{call.prefix}:{_name(tag)}" for tag in self._tags)]


def _name(key: str) -> str:
    return hashlib.sha256(str(key).encode("utf-8", "replace")).hexdigest()


def _text(key: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(
            f"The cache keeps what JSON can hold; “{key}” is not of that kind: {error}."
        ) from None


cache = Space()
