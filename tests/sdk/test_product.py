"""Defaults of Product modules: forms, pages, verbs, tasks and handles; models and migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal
from puqpanel.host import calls, migrations, registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.loader import load_module
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Service, Task
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from tests.sample import make_service, write_module

FORMS = """
    from puqpanel.sdk import Product, Result, Service, Task, forms, db
    v = forms.validators

    class Config(forms.Form):
        quota = forms.IntegerField("Quota", [v.NumberRange(1, 100)], default=10)
        plan = forms.SelectField("Plan", choices=["basic", "premium"], default="basic")
        backup = forms.BooleanField("Backup")
        secret = forms.PasswordField("Secret")
        price = forms.DecimalField("Price", default="1.50")

    class Echo(Product):
        ProductForm = Config
        repeatable = ("suspend_job",)
        job_options = {"create": {"tries": 3, "maxExceptions": 3}}

        def create_job(self):
            return Result.success()
        def suspend_job(self):
            return {"status": "success"}
        def change_package_job(self):
            return Result.error("no", retry=False)
        def observe(self):
            return {"exists": True}
        def look(self):
            found = Service.find(self.service_uuid)
            return {"status": "success", "data": [found.uuid, found.status, found.provision_status, found.product.name, found.client.name, str(found.price),
                    found.client.currency.code, found.customer.email, len(Service.with_("product", "customer").get())]}
        def add(self, data, tags=()):
            task = Task.add("ModuleJob", "Module", {"module": self, "method": "look", **data}, tags)
            return {"status": "success", "data": [task.status, task.duplicate]}
        def chunks(self):
            seen = []
            Service.chunk(1, lambda services: seen.append(len(services)))
            return {"status": "success", "data": seen}
"""


@pytest.fixture
def echo(panel: Panel, tmp_path: Path) -> LoadedModule:
    loaded = load_module(write_module(tmp_path, FORMS), "Product", "Echo")
    registry.install(registry.Registry(0, {loaded.key: loaded}))
    return loaded


def test_forms_render_validate_and_default(echo: LoadedModule) -> None:
    stored = {"product_data": {"quota": 7, "secret": "kept"}}
    page = calls.invoke(calls.Call(echo, "get_product_page", stored=stored))
    assert not page.error
    assert 'name="quota"' in page.value
    assert 'value="7"' in page.value
    assert "kept" not in page.value
    refused = calls.invoke(
        calls.Call(
            echo, "get_product_page", stored=stored | {"errors": {"quota": ["Too much <b>."]}}
        )
    )
    assert "Too much &lt;b&gt;." in refused.value
    instance: Any = page.instance
    assert instance.product_data == {
        "quota": 7,
        "secret": "kept",
        "plan": "basic",
        "backup": False,
        "price": "1.50",
    }
    saved = calls.invoke(
        calls.Call(
            echo,
            "save_product_data",
            ({"quota": "20", "plan": "premium", "backup": "y", "price": "2.5"},),
            stored=stored,
        )
    ).result
    assert saved.ok
    assert saved.data == {
        "quota": 20,
        "plan": "premium",
        "backup": True,
        "secret": "kept",
        "price": "2.5",
    }
    bad = calls.invoke(
        calls.Call(echo, "saveProductData", ({"quota": "900", "plan": "other"},))
    ).result
    assert (bad.ok, bad.code, set(bad.errors)) == (False, 422, {"quota", "plan"})
    again = calls.invoke(calls.Call(echo, "save_product_data", (saved.data,))).result
    assert again.data == saved.data


def test_verbs_have_defaults(echo: LoadedModule, staff: Principal) -> None:
    service = make_service(staff)
    called = calls.invoke(calls.Call(echo, "create", service_uuid=service.uuid, actor=staff))
    assert called.value == {"status": "success"}
    assert find_service(service.uuid).provision_status == "processing"
    task = session().scalars(sa.select(Task)).one()
    assert (task.tries, task.backoff, task.timeout, task.max_exceptions, task.on_loss) == (
        3,
        60,
        600,
        3,
        "observe",
    )
    assert {tag.tag for tag in task.tags} == {"create", f"service:{service.uuid}"}
    again = calls.invoke(calls.Call(echo, "suspend", service_uuid=service.uuid)).value
    assert (again["status"], again["code"]) == ("error", 409)
    assert echo.cls.on_loss("suspend_job") == "repeat"  # type: ignore[attr-defined]
    missing = calls.invoke(calls.Call(echo, "termination", service_uuid=service.uuid)).value
    assert missing == {
        "status": "error",
        "message": "Echo does not support this action: it has no termination_job().",
        "code": 501,
    }
    assert calls.invoke(calls.Call(echo, "create")).value["code"] == 400
    assert calls.invoke(calls.Call(echo, "retry")).value["code"] == 409


def test_retry_repeats_the_failed_verb(echo: LoadedModule, staff: Principal) -> None:
    service = make_service(staff)
    requests.request(actor=staff, service_uuid=service.uuid, verb="create")
    with transaction():
        row = session().scalars(sa.select(Service)).one()
        row.provision_status = "failed"
        session().scalars(sa.select(Task)).one().status = "failed"
    assert calls.invoke(calls.Call(echo, "retry", service_uuid=service.uuid)).value == {
        "status": "success"
    }


def test_service_handle_and_queries(echo: LoadedModule, staff: Principal) -> None:
    service = make_service(staff)
    release()
    data = calls.invoke(calls.Call(echo, "look", service_uuid=service.uuid)).result.data
    assert data == [
        service.uuid,
        "pending",
        "pending",
        "Cloud 10",
        "Lumen Atelier",
        "9.90 EUR",
        "EUR",
        "astrid@lumen.test",
        1,
    ]
    assert calls.invoke(calls.Call(echo, "chunks")).result.data == [1]
    assert (
        calls.invoke(calls.Call(echo, "look", service_uuid="test-uuid")).error
        == "Service test-uuid not found."
    )


def test_tasks_and_invalid_data(echo: LoadedModule, staff: Principal) -> None:
    service = make_service(staff)
    ask = {"server_id": "7", "tries": "2", "maxExceptions": 1, "delay": 5}
    assert calls.invoke(
        calls.Call(echo, "add", (ask, ["a"]), service_uuid=service.uuid, actor=staff)
    ).result.data == ["queued", False]
    assert calls.invoke(
        calls.Call(echo, "add", (ask, ["a"]), service_uuid=service.uuid)
    ).result.data == [
        "queued",
        True,
    ]
    task = session().scalars(sa.select(Task)).one()
    assert (
        task.tries,
        task.backoff,
        task.timeout,
        task.max_exceptions,
        task.duplicates,
        task.actor_name,
    ) == (2, 10, 600, 1, 1, staff.name)
    assert task.data["server_id"] == "7"
    assert (task.module, task.service_uuid) == ("Product/Echo", service.uuid)
    assert calls.job_data(task.data) == (
        "look",
        service.uuid,
        find_service(service.uuid).product.uuid,
    )
    for bad, text in (
        ({"method": "nothing"}, "Echo has no method nothing() for a task."),
        ({"module": "Echo"}, "Task.add needs the module instance"),
        ({"x": object()}, "must be JSON"),
        ({"tries": "many"}, "tries must be a whole number"),
        ({"tries": 0}, "tries must be a whole number"),
        ({"method": "__init__"}, "has no method"),
    ):
        assert (
            text in calls.invoke(calls.Call(echo, "add", (bad,), service_uuid=service.uuid)).error
        )


def test_provision_status_keeps_to_its_states(
    echo: LoadedModule, staff: Principal, tmp_path: Path
) -> None:
    del echo
    source = """
        from puqpanel.sdk import Product, Service
        class Other(Product):
            def move(self, *statuses):
                service = Service.find(self.service_uuid)
                for status in statuses:
                    service.setProvisionStatus(status)
                service.setProvisionData({"a": 1})
                return {"status": "success", "data": service.provision_status}
    """
    other = load_module(write_module(tmp_path, source, name="Other"), "Product", "Other")
    service = make_service(staff)
    assert (
        calls.invoke(
            calls.Call(
                other, "move", ("processing", "processing", "completed"), service_uuid=service.uuid
            )
        ).result.data
        == "completed"
    )
    assert find_service(service.uuid).provision_data == {"a": 1}
    assert (
        "can't change from Completed to Pending"
        in calls.invoke(calls.Call(other, "move", ("pending",), service_uuid=service.uuid)).error
    )
    assert (
        "is not a provision status"
        in calls.invoke(calls.Call(other, "move", ("done",), service_uuid=service.uuid)).error
    )
    called = calls.invoke(calls.Call(other, "move", service_uuid=service.uuid))
    assert called.instance is not None
    assert called.instance.service_data == {"a": 1}  # type: ignore[attr-defined]


MODELS = """
    import sqlalchemy as sa
    from sqlalchemy.orm import Mapped, mapped_column, relationship
    from puqpanel.sdk import EncryptedText, Product, db

    class Base(db.Tables, db.DeclarativeBase):
        pass

    class Group(Base):
        __tablename__ = "groups"
        uuid: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
        name: Mapped[str] = mapped_column(sa.String(100), unique=True)
        servers: Mapped[list["Server"]] = relationship(back_populates="group")

    class Server(Base):
        __tablename__ = "servers"
        id: Mapped[int] = mapped_column(primary_key=True)
        group_uuid: Mapped[str] = mapped_column(sa.ForeignKey("groups.uuid"))
        service_uuid: Mapped[str | None] = mapped_column(sa.ForeignKey(db.service_uuid))
        password: Mapped[str] = mapped_column(EncryptedText)
        group: Mapped[Group] = relationship(back_populates="servers")

    class Echo(Product):
        def fill(self, service=None):
            group = Group(uuid="g", name="n")
            db.session.add(group)
            db.session.add(Server(group=group, password="hunter2", service_uuid=service))
            db.session.commit()
            return {"status": "success", "data": db.session.query(Server).count()}
        def change(self):
            db.session.query(Group).one().name = "m"
            db.session.commit()
            with db.transaction() as session:
                session.add(Server(group_uuid="g", password="x"))
            return {"status": "success"}
        def forget(self):
            db.session.query(Group).one().name = "unkept"
            return {"status": "success"}
        def read(self):
            server = db.session.scalars(sa.select(Server).order_by(Server.id)).first()
            return {"status": "success", "data": [server.password, server.group.name, len(server.group.servers)]}
"""
MIGRATION = """
    import sqlalchemy as sa
    from alembic import op

    revision = "0001"
    down_revision = None
    P = "mod_product_echo_"

    def upgrade():
        op.create_table(P + "groups", sa.Column("uuid", sa.String(36), primary_key=True), sa.Column("name", sa.String(100), unique=True))
        op.create_table(P + "servers", sa.Column("id", sa.Integer, primary_key=True), sa.Column("group_uuid", sa.String(36), sa.ForeignKey(P + "groups.uuid")),
                        sa.Column("service_uuid", sa.String(36), sa.ForeignKey("services.uuid")), sa.Column("password", sa.Text))

    def downgrade():
        op.drop_table(P + "servers")
        op.drop_table(P + "groups")
"""


def test_models_and_migrations(panel: Panel, staff: Principal, tmp_path: Path) -> None:
    folder = write_module(tmp_path, MODELS, files={"migrations/versions/0001_tables.py": MIGRATION})
    loaded = load_module(folder, "Product", "Echo")
    registry.install(registry.Registry(0, {loaded.key: loaded}))
    assert migrations.pending(loaded.folder, loaded.prefix)
    assert calls.invoke(calls.Call(loaded, "activate")).value == "success"
    assert calls.invoke(calls.Call(loaded, "update")).value == "success"
    assert not migrations.pending(loaded.folder, loaded.prefix)
    service = make_service(staff)
    filled = calls.invoke(calls.Call(loaded, "fill", (service.uuid,)))
    assert filled.result.data == 1, filled
    for method in ("change", "forget"):
        assert calls.invoke(calls.Call(loaded, method)).result.ok
    assert calls.invoke(calls.Call(loaded, "read")).result.data == ["hunter2", "m", 2]
    raw = session().scalar(sa.text("select password from mod_product_echo_servers order by id"))
    assert "hunter2" not in str(raw)
    release()
    session().expunge_all()
    migrations.downgrade(loaded.folder, loaded.prefix)
    names = sa.inspect(session().connection()).get_table_names()
    assert "services" in names
    assert not [
        name for name in names if name in ("mod_product_echo_groups", "mod_product_echo_servers")
    ]
    assert calls.invoke(calls.Call(loaded, "deactivate")).value == "success"


def test_failed_migration_is_reported_and_rolled_back(panel: Panel, tmp_path: Path) -> None:
    files = {
        "migrations/versions/0001_tables.py": MIGRATION,
        "migrations/versions/0002_bad.py": (
            "from alembic import op\nrevision = '0002'\ndown_revision = '0001'\n\ndef upgrade():\n "
            "   op.drop_table('nothing')\n"
        ),
    }
    loaded = load_module(write_module(tmp_path, MODELS, files=files), "Product", "Echo")
    called = calls.invoke(calls.Call(loaded, "activate"))
    assert called.raised
    assert "nothing" in called.error
    if session().get_bind().dialect.name != "mysql":
        assert "mod_product_echo_groups" not in sa.inspect(session().connection()).get_table_names()
