"""Calling modules: what they raise costs the call alone, what they leave open is closed, what
they find out is kept.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host import calls, context, registry
from puqpanel.host.contract.refusal import describe
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.loader import load_module
from puqpanel.infra.db import in_transaction, release, session, transaction
from puqpanel.models import ModuleLog, Task
from puqpanel.tasks.fence import LeaseLost, TimedOut
from tests.sample import make_service, write_module

SOURCE = """
    from puqpanel.sdk import *
    from puqpanel.sdk.compat import *
    from puqpanel.domain.errors import ConflictError
    from puqpanel.tasks.fence import LeaseLost, TimedOut
    import sys

    class Odd(BaseException):
        def __str__(self):
            raise SystemExit(5)

    class Echo(Product):
        shared = {}

        def activate(self):
            Schema.create("things", lambda table: (table.id(), table.string("name").unique()))
            return "success"

        def boom(self):
            raise ValueError("password=hunter2 is wrong")
        def leave(self):
            sys.exit(3)
        def recurse(self):
            return self.recurse()
        def odd(self):
            raise Odd
        def known(self):
            raise ConflictError("Not now.")
        def lost(self):
            raise LeaseLost("gone")
        def timed(self):
            try:
                raise TimedOut("late")
            except Exception:
                return {"status": "success"}
        def hostile(self):
            class Bad(dict):
                def get(self, *a):
                    raise RuntimeError("no")
            return Bad()
        def leaves_open(self):
            db.session.execute(sa_insert("one"))
            return {"status": "success"}
        def commits(self):
            db.session.execute(sa_insert("two"))
            db.session.commit()
            return {"status": "success"}
        def nested(self):
            with db.transaction():
                DB.table("things").insert({"name": "three"})
                raise ValueError("undo it")
        def finds(self):
            self.service_data["ip"] = "203.0.113.9"
            self.service_data["when"] = now()
            self.shared["kept"] = 1
            return {"status": "success"}
        def get_service_data(self, data=None):
            data = data or {}
            self.service_data = {"domain": data.get("domain", ""), "note": data.get("note"), "password": data.get("password") or "generated"}
            return self.service_data
        def who(self):
            self.logInfo("who", {"api_key": "k", "name": "n"}, "Bearer abcdefghijk")
            return {"status": "success", "data": auth_id()}
        def takes(self, request, server, page="1"):
            return f"{request}{server}{page}"
        def bare(self):
            return "bare"

    def sa_insert(name):
        import sqlalchemy as sa
        return sa.text("insert into mod_product_echo_things (name) values (:name)").bindparams(name=name)
"""


@pytest.fixture
def echo(panel: Panel, tmp_path: Path) -> LoadedModule:
    loaded = load_module(write_module(tmp_path, SOURCE), "Product", "Echo")
    assert calls.invoke(calls.Call(loaded, "activate")).value == "success"
    registry.install(registry.Registry(0, {loaded.key: loaded}))
    return loaded


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("boom", "Echo.boom() failed with ValueError: password=••• is wrong (Echo.py:"),
        ("leave", "Echo.leave() failed with SystemExit: 3 (Echo.py:"),
        ("recurse", "Echo.recurse() failed with RecursionError: maximum recursion depth exceeded"),
        ("odd", "Echo.odd() failed with Odd (Echo.py:"),
        ("hostile", "Echo.hostile() failed with RuntimeError: no (Echo.py:"),
    ],
)
def test_whatever_is_raised_costs_the_call_alone(
    echo: LoadedModule, method: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    called = calls.invoke(calls.Call(echo, method))
    assert called.raised
    assert not called.result.ok
    assert called.error.startswith(text)
    assert called.error.endswith(f"reference {called.reference}.")
    row = session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id.desc())).first()
    assert row is not None
    assert (row.level, row.action) == ("error", f"{method} failed")
    assert called.reference in row.request
    assert "hunter2" not in row.response + called.error


def test_sentences_of_ours_need_no_reference(echo: LoadedModule) -> None:
    called = calls.invoke(calls.Call(echo, "known"))
    assert (called.error, called.reference, called.raised) == ("Not now.", "", True)


@pytest.mark.parametrize(("method", "kind"), [("lost", LeaseLost), ("timed", TimedOut)])
def test_the_engines_ends_pass(echo: LoadedModule, method: str, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        calls.invoke(calls.Call(echo, method))
    assert context.current() is None


def test_never_inside_a_transaction(echo: LoadedModule) -> None:
    with transaction(), pytest.raises(RuntimeError, match="inside a transaction"):
        calls.invoke(calls.Call(echo, "bare"))


def test_what_is_left_open_is_rolled_back_and_what_is_committed_kept(
    echo: LoadedModule, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    for method in ("leaves_open", "commits", "nested"):
        calls.invoke(calls.Call(echo, method))
        assert not in_transaction()
    names = session().scalars(sa.text("select name from mod_product_echo_things")).all()
    assert names == ["two"]
    release()


def test_what_a_job_finds_out(echo: LoadedModule, staff: Principal) -> None:
    service = make_service(staff)
    called = calls.invoke(calls.Call(echo, "finds", service_uuid=service.uuid))
    assert called.service_changes.pop("when").startswith("20")
    assert called.service_changes == {"ip": "203.0.113.9", "password": "generated"}


def test_stored_data_in_place_of_the_rows(echo: LoadedModule) -> None:
    called = calls.invoke(
        calls.Call(
            echo,
            "get_service_page",
            stored={"service_data": {"domain": "a.test"}, "errors": {"domain": ["no"]}},
        )
    )
    instance: Any = called.instance
    assert instance.service_data["domain"] == "a.test"
    assert instance.errors == {"domain": ["no"]}


def test_the_log_knows_who_and_what_for(echo: LoadedModule, staff: Principal) -> None:
    service = make_service(staff)
    called = calls.invoke(
        calls.Call(
            echo,
            "who",
            service_uuid=service.uuid,
            actor=Principal(PrincipalKind.STAFF, 7, "Ada"),
            request_id="R-1",
        )
    )
    assert called.result.data == 7
    row = session().scalars(sa.select(ModuleLog).where(ModuleLog.action == "who")).one()
    assert (row.service_uuid, row.actor_name, row.request_id, row.name) == (
        service.uuid,
        "Ada",
        "R-1",
        "Echo",
    )
    assert '"api_key": "•••"' in row.request
    assert row.response == "Bearer •••"


def test_the_log_of_a_job_says_who_asked_for_it(echo: LoadedModule) -> None:
    task = Task(id=5, attempt=2, actor_kind="staff", actor_id=7, actor_name="Ada", data={})
    assert calls.invoke(calls.Call(echo, "who", task=task)).error == ""
    row = session().scalars(sa.select(ModuleLog).where(ModuleLog.action == "who")).one()
    assert (row.actor_kind, row.actor_name, row.task_id, row.attempt) == ("staff", "Ada", 5, 2)


@pytest.mark.parametrize(
    ("method", "named", "value"),
    [
        ("takes", {"server": "7"}, "r71"),
        ("takes", {"uuid": "7"}, "r71"),
        ("takes", {"server": "7", "page": "2"}, "r72"),
        ("bare", {}, "bare"),
    ],
)
def test_arguments_fit_the_signature(
    echo: LoadedModule, method: str, named: dict[str, str], value: str
) -> None:
    assert calls.invoke(calls.Call(echo, method, ("r",), params=named)).value == value


def test_missing_methods_and_restricted_modules(echo: LoadedModule, tmp_path: Path) -> None:
    assert calls.invoke(calls.Call(echo, "nothing")).error == "Echo has no method nothing()."
    older = load_module(tmp_path / "Product" / "Echo", "Product", "Echo", "0.9")
    assert "update it on the Modules page first" in calls.invoke(calls.Call(older, "bare")).error
    update = calls.invoke(calls.Call(older, "update"))
    assert update.value == "success"
    assert update.instance is not None
    assert update.instance.getCurrentVersion() == "0.9"  # type: ignore[attr-defined]


def test_a_modules_own_update_is_not_part_of_switching_it_on(app: Panel, tmp_path: Path) -> None:
    """As in the vendor's texts: it alters what an earlier version made, and there was none."""
    source = (
        "from puqpanel.sdk import Plugin\nclass Later(Plugin):\n    def update(self):\n       "
        " return 'There is no table to alter.'\n"
    )
    loaded = load_module(
        write_module(tmp_path, source, type="Plugin", name="Later"), "Plugin", "Later"
    )
    with app.app_context():
        assert calls.invoke(calls.Call(loaded, "activate")).value == "success"
        assert calls.invoke(calls.Call(loaded, "update")).value == "There is no table to alter."


def test_database_errors_are_described_without_their_statement(panel: Panel) -> None:
    with pytest.raises(sa.exc.SQLAlchemyError) as raised:
        session().execute(sa.text("INSERT INTO nowhere (token) VALUES ('Top5ecret')"))
    session().rollback()
    text = describe(raised.value)
    assert ("nowhere" in text, "Top5ecret" in text, "SQL:" in text) == (True, False, False)
