"""The module's cache: values shared by all processes, encrypted at rest."""

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
class ModuleCache:
    """The module's cache: values that expire, shared by all processes and encrypted at rest.

    Values may be lost at any time, for example while the queue server is down: save what cannot be
    fetched again in a table.

        servers = cache.remember("servers", 300, self.fetch_servers)
        cache.tags("regions").put("eu", regions, 3600)
        cache.tags("regions").flush()
    """

    def __init__(self, tags: Iterable[str] = ()) -> None:
        self._tags = sorted({str(tag) for tag in ([tags] if isinstance(tags, str) else tags)})

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value.

        Args:
            key: the value's key.
            default: what to return if there is no value; a function is called.
        """
        text = store.get(self._groups(), _name(key))
        if text is None:
            return default() if callable(default) else default
        return json.loads(text)

    def has(self, key: str) -> bool:
        """Return whether there is a value."""
        return self.get(key) is not None

    def put(self, key: str, value: Any, seconds: float = HOUR) -> bool:
        """Store a value of at most 1 MB of JSON.

        Args:
            key: the value's key.
            value: anything that JSON can hold.
            seconds: the time to live; at most 30 days.

        Returns:
            False if the value could not be stored.

        Raises:
            UserError: the value is not JSON.
        """
        return store.put(self._groups(), _name(key), _text(key, value), int(seconds))

    def remember(self, key: str, seconds: float, fetch: Callable[[], Any]) -> Any:
        """Return the cached value, or call a function and cache what it returns.

        Args:
            key: the value's key.
            seconds: the time to live.
            fetch: returns the value; called if none is cached.

        Raises:
            UserError: the value is not JSON.
        """
        cached = self.get(key)
        if cached is not None:
            return cached
        text = _text(key, fetch())
        store.put(self._groups(), _name(key), text, int(seconds))
        # the same types as the next call reads from the cache
        return json.loads(text)

    def forget(self, key: str) -> bool:
        """Delete one value and return whether there was one."""
        return store.forget(self._groups(), _name(key))

    def flush(self) -> bool:
        """Delete every value of the module, or every value with one of the tags.

        Returns:
            False if the queue server is unreachable.
        """
        groups = self._groups()
        return store.forget_groups(*(groups[1:] or groups))

    def tags(self, *names: Any) -> "ModuleCache":
        """Return the cache of values stored with all of these tags."""
        flat: list[str] = []
        for name in names:
            flat += [name] if isinstance(name, str) else name
        return ModuleCache(flat)

    def _groups(self) -> list[str]:
        call = context.current()
        if call is None:
            raise UserError("The cache is available only during a call to a module.")
        return [call.prefix, *(f"{call.prefix}:{_name(tag)}" for tag in self._tags)]


def _name(key: str) -> str:
    return hashlib.sha256(str(key).encode("utf-8", "replace")).hexdigest()


def _text(key: str, value: Any) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise UserError(
            f"The cache stores JSON values only; the value of “{key}” is not JSON: {error}."
        ) from None


cache = ModuleCache()
