"""Switching modules while other things happen: builds that read what has just changed, and
tasks parked in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel, create_app
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.host.registry import Registry
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import Module, Task
from puqpanel.operations.modules import generation, lifecycle, loading, module_list, parking
from puqpanel.tasks import add, claim, sweep
from tests.sample import activate, write_module

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
PLAIN = "from puqpanel.sdk import Product\n\nclass Echo(Product):\n    pass\n"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", PLAIN)
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def panel(panel: Panel) -> Panel:
    activate(panel, STAFF)
    return panel


def aside(panel: Panel, what: str) -> None:
    """Switch the module in another thread with its own session."""

    def switch() -> None:
        with panel.app_context():
            getattr(lifecycle, what)(
                actor=STAFF,
                modules_dir=panel.settings.modules_dir,
                module_type="Product",
                name="Echo",
            )

    thread = threading.Thread(target=switch)
    thread.start()
    thread.join()


def test_build_keeps_a_module_deactivated_meanwhile(panel: Panel) -> None:
    class Slow(dict[str, str]):
        def __contains__(self, key: object) -> bool:
            aside(panel, "deactivate")
            return super().__contains__(key)

    loading.record_load(Registry(1, {}, Slow({"Product/Echo": "It does not import."})))
    release()
    assert (
        module_list.find_module("Product", "Echo").status == "inactive" and not generation.wanted()
    )


def test_concurrent_activations_both_succeed(panel: Panel) -> None:
    write_module(panel.settings.modules_dir, PLAIN.replace("Echo", "Twice"), name="Twice")
    barrier, failed = threading.Barrier(3), []

    def one() -> None:
        with panel.app_context():
            barrier.wait()
            try:
                activate(panel, STAFF, "Twice")
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    release()
    assert len(session().scalars(sa.select(Module.id).where(Module.name == "Twice")).all()) == 1


def test_task_parked_during_activation_is_re_enqueued(panel: Panel) -> None:
    task = add.add(job="ModuleJob", data={"method": "x"}, module="Product/Echo")
    other = add.add(job="ModuleJob", data={"method": "x"}, module="Product/Away")
    with transaction() as current:
        current.execute(sa.update(Task).values(status="parked", ended_at=now(), waiting_key=None))
    assert parking.unpark_served() == 0, (
        "a worker with the app of before might park it again at once"
    )
    with transaction() as current:
        current.execute(
            sa.update(Task).values(
                ended_at=now() - timedelta(seconds=parking.MIN_PARKED_SECONDS + 1)
            )
        )
    assert parking.unpark_served() == 1
    release()
    statuses = {row.id: row.status for row in session().execute(sa.select(Task.id, Task.status))}
    assert statuses == {task.id: "queued", other.id: "parked"}


def test_identical_tasks_are_parked_once(panel: Panel) -> None:
    from puqpanel.tasks.outcome import Outcome

    task = add.add(job="ModuleJob", data={"method": "x"}, module="Product/Echo")
    claimed = claim.claim(task.id, "w")
    assert claimed is not None
    with transaction():
        assert claim.close(claimed, Outcome("park", "The module is away."), "w", 1)
    again = add.add(job="ModuleJob", data={"method": "x"}, module="Product/Echo")
    assert again.id == task.id and again.is_duplicate
    with transaction():
        assert parking.unpark("Product/Echo") == 1
    assert sweep.send_due() == 1 and claim.claim(task.id, "w") is not None


def shown(panel: Panel, name: str) -> module_list.Shown:
    """Return the module as the list shows it."""
    release()
    return next(
        one for one in module_list.list_modules(panel.settings.modules_dir) if one.name == name
    )


def test_syntax_error_is_shown_before_activation(
    panel: Panel,
) -> None:
    folder = write_module(panel.settings.modules_dir, "class Broken(:\n", name="Broken")
    found = shown(panel, "Broken")
    assert (
        found.status == "error"
        and "syntax error" in str(found.reason)
        and not found.on
        and not found.recorded
    )
    (folder / "Broken.py").write_text(PLAIN.replace("Echo", "Broken"))
    assert shown(panel, "Broken").status == "inactive"


def test_a_refused_activation_names_the_module(panel: Panel) -> None:
    folder = write_module(panel.settings.modules_dir, PLAIN.replace("Echo", "Odd"), name="Odd")
    (folder / "config.py").write_text('CONFIG = {"name": "x", "version": 0.1}')
    with pytest.raises(UserError, match=r"^Odd: The “version” in config\.py is the number 0\.1;"):
        activate(panel, STAFF, "Odd")


@pytest.mark.parametrize("source", ["import sys\nsys.exit(3)\n", "class Other:\n    pass\n"])
def test_refused_module_stays_an_error_until_it_loads(panel: Panel, source: str) -> None:
    folder = write_module(panel.settings.modules_dir, source, name="Away")
    with pytest.raises(UserError) as refused:
        activate(panel, STAFF, "Away")
    found = shown(panel, "Away")
    assert (found.status, str(found.reason), found.on) == (
        "error",
        str(refused.value),
        False,
    ) and "Product/Away" not in {f"{t}/{n}" for t, n, _ in generation.wanted()}
    where: dict[str, Any] = {
        "actor": STAFF,
        "modules_dir": panel.settings.modules_dir,
        "module_type": "Product",
        "name": "Away",
    }
    with pytest.raises(UserError):
        loading.reload(**where)
    (folder / "Away.py").write_text(PLAIN.replace("Echo", "Away"))
    loading.reload(**where)
    assert (shown(panel, "Away").status, str(shown(panel, "Away").reason)) == ("inactive", "")


STEP = """
    import sqlalchemy as sa
    from alembic import op
    revision = "{number}"
    down_revision = {before}
    branch_labels = depends_on = None
    def upgrade():
        op.create_table("mod_product_echo_t{number}", sa.Column("id", sa.Integer, primary_key=True))
        {then}
    def downgrade():
        op.drop_table("mod_product_echo_t{number}")
"""


def test_failed_migration_is_rolled_back_and_reported(panel: Panel) -> None:
    base = panel.settings.modules_dir
    first = {
        "migrations/versions/0001_first.py": STEP.format(number="0001", before=None, then="pass")
    }
    write_module(base, PLAIN, version="1.1.0", files=first)
    lifecycle.update(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    second = {
        "migrations/versions/0002_second.py": STEP.format(
            number="0002", before='"0001"', then='op.execute("insert into nowhere values (1)")'
        )
    }
    write_module(base, PLAIN, version="1.2.0", files=second)
    for _ in range(2):
        with pytest.raises(UserError, match=r"Echo was not updated: .*nowhere"):
            lifecycle.update(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    release()
    tables = sa.inspect(session().connection()).get_table_names()
    release()
    assert "mod_product_echo_t0001" in tables and "mod_product_echo_t0002" not in tables
    shown = module_list.list_modules(base)[0]
    assert (shown.status, shown.recorded, shown.disk) == (
        "restricted",
        "1.1.0",
        "1.2.0",
    ) and "The update to 1.2.0 failed" in str(shown.reason)
    app = create_app(panel.settings)
    dismantle(app)
    assert "failed" in str(module_list.list_modules(base)[0].reason), "a new process says the same"
    write_module(base, PLAIN, version="1.0.0")
    older = "older than the active version 1.1.0; restore the newer files"
    assert older in str(module_list.list_modules(base)[0].reason)
    dismantle(create_app(panel.settings))
    assert older in str(module_list.list_modules(base)[0].reason)
    (base / "Product/Echo/migrations/versions/0002_second.py").unlink()
    write_module(
        base,
        PLAIN,
        version="1.2.0",
        files={
            "migrations/versions/0002_second.py": STEP.format(
                number="0002", before='"0001"', then="pass"
            )
        },
    )
    lifecycle.update(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    assert module_list.list_modules(base)[0].status == "active"
    lifecycle.deactivate(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    lifecycle.purge(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    release()
    assert not [
        name
        for name in sa.inspect(session().connection()).get_table_names()
        if name.startswith("mod_product_echo_t")
    ]


def test_older_version_on_disk_restricts_the_module(panel: Panel) -> None:
    base = panel.settings.modules_dir
    write_module(base, PLAIN, version="0.9.0")
    assert loading.rescan(actor=AUTOMATION, modules_dir=base) == 1
    shown = module_list.list_modules(base)[0]
    assert (
        shown.status == "restricted"
        and "older than the active version 1.0.0; restore the newer files" in str(shown.reason)
        and shown.outdated
    )
    with pytest.raises(UserError, match=r"older than the active version 1\.0\.0"):
        lifecycle.update(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    write_module(base, PLAIN, version="1.0.0")
    assert module_list.list_modules(base)[0].status == "active"


@pytest.mark.parametrize("how", ["deactivated", "updated", "removed"])
def test_tasks_are_parked_while_their_module_is_unavailable(
    panel: Panel, drain: Callable[..., None], how: str
) -> None:
    base = panel.settings.modules_dir
    source = PLAIN + "    def work(self):\n        return {'status': 'success'}\n"
    write_module(base, source)
    task = add.add(
        job="ModuleJob",
        module="Product/Echo",
        data={"module": {"type": "Product", "name": "Echo"}, "method": "work"},
        title="work",
    )
    if how == "deactivated":
        lifecycle.deactivate(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
    elif how == "updated":
        write_module(base, source, version="1.1.0")
        loading.rescan(actor=AUTOMATION, modules_dir=base)
    else:
        (base / "Product/Echo").rename(base / "away")
        loading.rescan(actor=AUTOMATION, modules_dir=base)
    drain()
    reason = {
        "deactivated": "not active",
        "updated": "needs an update",
        "removed": "failed to load",
    }[how]
    row = (
        session()
        .scalars(
            sa.select(Task).where(Task.id == task.id).execution_options(populate_existing=True)
        )
        .one()
    )
    assert row.status == "parked" and reason in str(row.note)
    release()
    if how == "removed":
        (base / "away").rename(base / "Product/Echo")
        loading.reload(actor=STAFF, modules_dir=base, module_type="Product", name="Echo")
        dismantle(create_app(panel.settings))
        with transaction():
            row.ended_at = now() - timedelta(minutes=1)
            session().merge(row)
        parking.unpark_served()
    else:
        {"deactivated": lifecycle.activate, "updated": lifecycle.update}[how](
            actor=STAFF, modules_dir=base, module_type="Product", name="Echo"
        )
    drain()
    assert session().scalars(sa.select(Task.status).where(Task.id == task.id)).one() == "completed"


def test_names_are_unique_by_type_regardless_of_case(panel: Panel) -> None:
    base = panel.settings.modules_dir
    write_module(base, PLAIN.replace("Product", "Plugin"), type="Plugin")
    activate(panel, STAFF, type="Plugin")
    write_module(base, PLAIN.replace("Echo", "ECHO"), name="ECHO")
    with pytest.raises(UserError, match="differ only in case"):
        activate(panel, STAFF, name="ECHO")
    assert {one.key for one in module_list.list_modules(base) if one.on} == {
        "Product/Echo",
        "Plugin/Echo",
    }
