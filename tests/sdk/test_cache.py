"""The cache, events and measurements of modules, with and without the queue server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.host.context import Context, context, entered
from puqpanel.infra import events, queue
from puqpanel.infra.db import session, transaction
from puqpanel.models import ModuleLog
from puqpanel.sdk import cache, event, measure
from puqpanel.sdk.compat import Cache, Event, ExternalServiceException, ValidationException


@contextlib.contextmanager
def context_free() -> Iterator[None]:
    """Code that nobody called."""
    token = context.set(None)
    yield
    context.reset(token)


@pytest.fixture
def module(panel: Panel) -> Iterator[None]:
    with entered(Context("Product", "Echo")):
        yield


def test_values_are_encrypted_and_per_module(module: None) -> None:
    assert cache is Cache
    assert Cache.remember("k", 60, lambda: {"password": "hunter2", "at": (1, 2)}) == {
        "password": "hunter2",
        "at": [1, 2],
    }
    assert Cache.remember("k", 60, lambda: 1 / 0) == {"password": "hunter2", "at": [1, 2]}
    kept = [queue.connection().get(key) for key in queue.connection().keys("puqpanel:cache:*")]  # type: ignore[union-attr]
    assert kept
    assert not any(
        b"hunter2" in value or b"password" in value for value in kept if isinstance(value, bytes)
    )
    assert all(
        queue.connection().ttl(key) > 0 for key in queue.connection().keys("puqpanel:cache:*")
    )  # type: ignore[union-attr,operator]
    with entered(Context("Product", "Other")):
        assert Cache.get("k", "nothing") == "nothing"
        assert Cache.flush()
    assert Cache.has("k")
    assert Cache.forget("k")
    assert Cache.get("k", lambda: "made") == "made"


def test_tags(module: None) -> None:
    Cache.tags(["servers", "eu"]).put("a", 1, 60)
    Cache.tags("servers").put("b", 2, 60)
    Cache.put("c", 3, 60)
    assert [
        Cache.tags("eu", "servers").get("a"),
        Cache.tags("servers").get("b"),
        Cache.get("c"),
        Cache.get("a"),
    ] == [1, 2, 3, None]
    Cache.tags("eu").flush()
    assert [
        Cache.tags("eu", "servers").get("a"),
        Cache.tags("servers").get("b"),
        Cache.get("c"),
    ] == [None, 2, 3]
    Cache.flush()
    assert [Cache.tags("servers").get("b"), Cache.get("c")] == [None, None]
    Cache.put("gone", 1, 0)
    assert not Cache.has("gone")


def test_flush_deletes_values_of_the_tag_only(module: None) -> None:
    both, one, other = Cache.tags(["module", "Echo"]), Cache.tags("module"), Cache.tags("Echo")
    for space in (one, other):
        both.put("k", 1, 60)
        Cache.tags("stranger").put("k", 2, 60)
        assert space.flush()
        assert (both.get("k"), Cache.tags("stranger").get("k")) == (None, 2)
    Cache.tags("Echo", "module", "Echo").put("k", 3, 60)
    assert (both.get("k"), one.get("k"), other.get("k"), Cache.get("k")) == (
        3,
        None,
        None,
        None,
    ), "the order and number of tags do not matter, but all of them do"
    with entered(Context("Plugin", "Echo")):
        Cache.tags(["module", "Echo"]).flush()
    assert both.get("k") == 3, "tags are each module's own"


def test_falsy_values_and_odd_keys(module: None) -> None:
    asked: list[int] = []
    for value in (0, False, "", [], {}):
        Cache.put("falsy", value, 60)
        assert Cache.remember("falsy", 60, lambda: asked.append(1)) == value
    assert asked == []
    assert Cache.remember("none", 60, lambda: asked.append(1)) is None
    assert Cache.remember("none", 60, lambda: asked.append(1)) is None
    assert len(asked) == 2, "nothing is not kept"
    for key in ("", "a b\n", "ż" * 5000, "\udcff", "*", 7):
        Cache.put(key, str(key) + "!", 60.5)  # type: ignore[arg-type]
    assert (Cache.get("a b\n"), Cache.get("*"), Cache.get("7")) == ("a b\n!", "*!", "7!")


def test_values_that_are_not_json(module: None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stores JSON values only"):
        Cache.put("k", object())
    round_: list[Any] = []
    round_.append(round_)
    with pytest.raises(UserError, match="stores JSON values only"):
        Cache.remember("k", 60, lambda: round_)
    assert Cache.put("k", "x" * 2_000_000) is False
    assert len(Cache.remember("k", 60, lambda: "x" * 2_000_000)) == 2_000_000
    with entered(Context("Product", "Echo")):
        queue.use_server(f"unix://{tmp_path}/nobody.sock")
        assert Cache.put("k", 1) is False
        assert Cache.flush() is False
        assert Cache.remember("k", 60, lambda: 7) == 7
        assert (Cache.get("k", "default"), Cache.has("k"), Cache.forget("k")) == (
            "default",
            False,
            False,
        )
        tagged = Cache.tags("a", "b")
        assert (tagged.put("k", 1), tagged.get("k"), tagged.flush()) == (False, None, False)


def test_outside_a_call(panel: Panel) -> None:
    with pytest.raises(UserError, match="only during a call to a module"):
        Cache.get("k")


def test_events_reach_the_listeners_masked(module: None, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(events, "_recorders", [lambda name, payload: heard.append(payload)])
    with transaction():
        Event.dispatch("cloud.account.created", {"user": "u1", "password": "hunter2", 3: "x"})
    assert heard == [{"user": "u1", "password": "•••", "3": "x", "raised_by": "Product/Echo"}]
    event.dispatch("cloud.other", {"self": 1, "event": 2})  # names that the log line uses itself
    for bad in ("", "word", "a b.c", "x." + "y" * 200):
        with pytest.raises(UserError, match="is not an event name"):
            Event.dispatch(bad)
    heard.clear()
    for forged in ("service.create_succeeded", "module.failing"):
        with pytest.raises(UserError, match="is an event of the panel"):
            Event.dispatch(forged, {"service_uuid": "x"})
    assert heard == []
    circle: dict[str, Any] = {}
    circle["self"] = circle
    wide: Any = "x"
    for _ in range(40):
        wide = [wide, wide]
    for large in (
        {"text": "x" * 50_000_000},
        {"list": ["x"] * 100_000},
        {"wide": wide},
        {"x" * 70_000: 1},
        circle,
    ):
        with pytest.raises(UserError, match="larger than 64 KB"):
            Event.dispatch("cloud.large", large)
    heard.clear()
    event.dispatch("cloud.account.created", {"text": "x" * 60_000})
    assert len(heard) == 1
    with pytest.raises(UserError, match="must be a dictionary"):
        Event.dispatch("a.b", [1])  # type: ignore[arg-type]


def test_measurements_are_logged(module: None) -> None:
    with pytest.raises(ValueError, match="no"), measure("import"):
        raise ValueError("no")
    row = session().scalars(sa.select(ModuleLog)).one()
    assert row.action == "performance"
    assert '"operation": "import"' in row.request
    assert "MB" in row.request


def test_measured_function(module: None) -> None:
    @measure("sum up")
    def add(first: int, second: int = 1) -> int:
        return first + second

    assert add(1, second=2) == add(2) == 3
    rows = session().scalars(sa.select(ModuleLog)).all()
    assert len(rows) == 2
    shown = json.loads(rows[0].request)
    assert set(shown) == {"operation", "execution_time", "memory_usage", "peak_memory"}
    assert (
        shown["execution_time"][-2:],
        shown["memory_usage"][-2:],
        shown["peak_memory"][-2:],
    ) == ("ms", "KB", "MB")
    with context_free():
        assert add(1) == 2, "outside a call it is only the function"


def test_errors_have_the_vendor_methods() -> None:
    away = ExternalServiceException("The cloud is away.", 503)
    assert (str(away), away.getMessage(), away.get_code()) == (
        "The cloud is away.",
        "The cloud is away.",
        503,
    )  # type: ignore[attr-defined]
    refused = ValidationException({"name": ["Missing."]})
    assert (refused.getMessage(), refused.errors(), refused.errors["name"]) == (
        "Missing.",
        {"name": ["Missing."]},
        ["Missing."],
    )  # type: ignore[attr-defined]
