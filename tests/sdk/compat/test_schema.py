"""Tables created with Schema, on the database of the test run."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal
from puqpanel.host.context import Context, entered
from puqpanel.infra.db import release, session, transaction
from puqpanel.sdk import now
from puqpanel.sdk.compat import DB, Schema
from puqpanel.sdk.compat.schema import SchemaError
from tests.sample import make_service


@pytest.fixture(autouse=True)
def inside(panel: Panel) -> Iterator[None]:
    with entered(Context("Product", "Cloud")):
        yield
        release()


def build(table: Any) -> None:
    table.id()
    table.uuid("service_uuid")
    table.string("hostname").unique()
    table.text("notes").nullable()
    table.integer("port").default(443)
    table.bigInteger("bytes").default(0)
    table.boolean("active").default(True)
    table.decimal("price", 10, 4).nullable()
    table.json("specs").nullable()
    table.enum("status", ["creating", "active", "it's gone"]).default("creating")
    table.ipAddress("ip_address").nullable()
    table.timestamp("checked_at").nullable()
    table.dateTime("seen_at").useCurrent()
    table.date("day").nullable()
    table.timestamps()
    table.foreign("service_uuid").references("uuid").on("services").onDelete("cascade")
    table.index(["service_uuid", "status"])


def columns() -> set[str]:
    return {
        c["name"]
        for c in sa.inspect(session().connection()).get_columns("mod_product_cloud_servers")
    }


@pytest.fixture
def service_uuid(staff: Principal) -> str:
    return make_service(staff, module="").uuid


def test_column_types_round_trip(service_uuid: str) -> None:
    assert not Schema.hasTable("servers")
    Schema.create("servers", build)
    assert Schema.has_table("servers")
    assert Schema.has_table("mod_product_cloud_servers")
    moment = now()
    DB.table("servers").insert(
        {
            "service_uuid": service_uuid,
            "hostname": "a",
            "price": Decimal("9.9900"),
            "specs": {"cpu": 2},
            "ip_address": "2001:db8::1",
            "checked_at": moment,
            "day": date(2026, 11, 21),
            "bytes": 2**40,
            "created_at": moment,
        }
    )
    row = DB.table("servers").where("hostname", "a").first()
    assert row is not None
    assert (row.port, bool(row.active), row.price, row["bytes"], row.status, row.day) == (
        443,
        True,
        Decimal("9.99"),
        2**40,
        "creating",
        date(2026, 11, 21),
    )
    assert row.checked_at == moment.replace(microsecond=row.checked_at.microsecond)
    assert row.checked_at.tzinfo is UTC
    assert abs((datetime.now(UTC) - row.seen_at).total_seconds()) < 3600 * 24
    assert '"cpu": 2' in row.specs
    with pytest.raises(sa.exc.IntegrityError):
        DB.table("servers").insert({"service_uuid": service_uuid, "hostname": "a"})
    with pytest.raises(sa.exc.DBAPIError):
        DB.table("servers").insert(
            {"service_uuid": service_uuid, "hostname": "b", "status": "other"}
        )
    with pytest.raises(sa.exc.DBAPIError):
        DB.table("servers").insert({"service_uuid": str(uuid.uuid4()), "hostname": "c"})
    DB.table("servers").where("hostname", "a").update({"status": "it's gone"})
    assert DB.table("servers").pluck("status") == ["it's gone"]


def test_repeated_create_must_have_the_same_columns(service_uuid: str) -> None:
    Schema.create("servers", build)
    Schema.create("servers", build)
    with pytest.raises(
        SchemaError,
        match=(
            r"The table servers already exists with other columns \(.*check Schema.has_table\(\)"
            r" first"
        ),
    ):
        Schema.create("servers", lambda table: table.id())
    Schema.dropIfExists("servers")
    Schema.drop_if_exists("servers")
    assert not Schema.has_table("servers")
    with pytest.raises(SchemaError, match="There is no table servers to drop"):
        Schema.drop("servers")


def test_groups_context_manager_and_own_references() -> None:
    with Schema.create("groups") as table:
        table.uuid().primary()
        table.string("name").unique()
    with Schema.create("results") as table:
        table.id()
        table.uuid("group_uuid")
        table.integer("check_id")
        table.foreign("group_uuid").references("uuid").on("groups")
        table.unique(["group_uuid", "check_id"])
    DB.table("groups").insert({"uuid": "g", "name": "n"})
    DB.table("results").insert({"group_uuid": "g", "check_id": 1})
    with pytest.raises(sa.exc.IntegrityError):
        DB.table("results").insert({"group_uuid": "g", "check_id": 1})
    with pytest.raises(sa.exc.DBAPIError):
        DB.table("results").insert({"group_uuid": "x", "check_id": 1})


def test_foreign_id() -> None:
    Schema.create("checks", lambda table: (table.id(), table.string("name")))

    def results(table: Any) -> None:
        table.id()
        table.foreignId("check_id").constrained("checks").cascadeOnDelete()
        table.foreignId("other_id").nullable()

    Schema.create("results", results)
    key = DB.table("checks").insertGetId({"name": "ping"})
    DB.table("results").insert([{"check_id": key}, {"check_id": key}])
    assert DB.table("results").count() == 2
    DB.table("checks").where("id", key).delete()
    assert DB.table("results").count() == 0


def test_alter_keeps_rows_and_references(service_uuid: str) -> None:
    Schema.create("servers", build)
    Schema.create(
        "logs",
        lambda table: (
            table.id(),
            table.foreignId("server_id").constrained("servers").cascadeOnDelete(),
        ),
    )
    key = DB.table("servers").insert_get_id({"service_uuid": service_uuid, "hostname": "a"})
    DB.table("logs").insert({"server_id": key})

    def change(table: Any) -> None:
        table.string("region").default("eu")
        table.string("note").nullable()
        table.dropColumn("notes")
        table.index("region")

    Schema.table("servers", change)
    assert {"region", "note"} <= columns()
    assert "notes" not in columns()
    row = DB.table("servers").first()
    assert row is not None
    assert row.region == "eu"
    assert DB.table("logs").count() == 1
    with pytest.raises(SchemaError, match=r"needs nullable\(\) or default\(\)"):
        Schema.table("servers", lambda table: table.string("must"))
    with pytest.raises(SchemaError, match="There is no table other to alter"):
        Schema.table("other", lambda table: table.string("x").nullable())
    with transaction(), pytest.raises(SchemaError, match="inside a transaction"):
        Schema.table("servers", lambda table: table.string("x").nullable())


@pytest.mark.parametrize(
    ("table", "column", "text"),
    [
        ("staff", "uuid", None),
        ("services", "id", "may refer to services by uuid only"),
        ("", "uuid", "names no table"),
    ],
)
def test_panel_tables_are_not_accessible(table: str, column: str, text: str | None) -> None:
    def bad(blueprint: Any) -> None:
        blueprint.id()
        blueprint.uuid("x")
        blueprint.foreign("x").references(column).on(table)

    if text:
        with pytest.raises(SchemaError, match=text):
            Schema.create("bad", bad)
    # `staff` means the module's own table of that name, which is not there.
    with pytest.raises(SchemaError, match="There is no table mod_product_cloud_staff"):
        DB.table("staff")
    assert not Schema.has_table("staff")
    for name in ("a b", "x;drop", "x" * 90, "ä"):
        with pytest.raises(SchemaError, match="must consist of letters"):
            Schema.create(name, bad)


def test_schema_outside_a_module() -> None:
    from puqpanel.host.context import context

    token = context.set(None)
    try:
        with pytest.raises(SchemaError, match="outside a call of a module"):
            Schema.has_table("servers")
    finally:
        context.reset(token)


def test_long_names_get_short_constraints() -> None:
    name = "a_rather_long_table_name_for_everything"

    def build_long(table: Any) -> None:
        table.id()
        table.string("a_rather_long_column_name").unique()
        table.string("another_rather_long_column_name").index()

    Schema.create(name, build_long)
    assert Schema.has_column(name, "another_rather_long_column_name")


def test_queries(service_uuid: str) -> None:
    Schema.create("servers", build)
    for n in range(5):
        DB.table("servers").insert(
            {"service_uuid": service_uuid, "hostname": f"h{n}", "port": n, "active": n % 2 == 0}
        )
    table = DB.table
    assert table("servers").where("active", True).count() == 3
    assert table("servers").where("port", ">", 2).orderBy("port", "desc").pluck("hostname") == [
        "h4",
        "h3",
    ]
    assert table("servers").where({"active": False, "port": 3}).value("hostname") == "h3"
    assert table("servers").whereIn("port", [0, 4]).order_by("port").limit(1).offset(1).pluck(
        "port"
    ) == [4]
    assert table("servers").where("hostname", "like", "h%").where_null("notes").exists()
    assert table("servers").where("port", 99).first() is None
    assert table("servers").updateOrInsert({"hostname": "h0"}, {"port": 80})
    assert table("servers").where("hostname", "h0").value("port") == 80
    assert table("servers").where("port", "<", 3).delete() == 2
    for bad in (
        lambda: table("servers").where("nothing", 1),
        lambda: table("servers").where("port", "~", 1),
        lambda: table("servers").insert({"nothing": 1}),
    ):
        with pytest.raises(SchemaError):
            bad()

    def work() -> str:
        table("servers").insert({"service_uuid": service_uuid, "hostname": "gone"})
        raise ValueError("undo")

    with pytest.raises(ValueError, match="undo"):
        DB.transaction(work)
    assert not table("servers").where("hostname", "gone").exists()
    assert DB.transaction(lambda: 5) == 5


def test_values_are_converted_to_the_column_type(service_uuid: str) -> None:
    Schema.create("servers", build)
    given = {
        "hostname": 4711,
        "port": "8443",
        "bytes": 12.0,
        "active": "0",
        "price": "1.5000",
        "specs": '{"a": 1}',
        "ip_address": None,
        "checked_at": "2026-11-21 08:00:00",
    }
    DB.table("servers").insert({"service_uuid": service_uuid, **given})
    row = DB.table("servers").where("hostname", 4711).first()
    assert row is not None
    assert (row.hostname, row.port, row["bytes"], bool(row.active), row.price, row.checked_at) == (
        "4711",
        8443,
        12,
        False,
        Decimal("1.5"),
        datetime(2026, 11, 21, 8, tzinfo=UTC),
    )
    assert (
        DB.table("servers")
        .where("port", "8443")
        .where("active", "false")
        .where("price", 1.5)
        .exists()
    )
    assert DB.table("servers").where_in("hostname", [4711, "x"]).count() == 1
    DB.table("servers").update(
        {"active": "on", "hostname": True, "port": True, "notes": {"a": [1]}}
    )
    row = DB.table("servers").first()
    assert row is not None
    assert (bool(row.active), row.hostname, row.port, row.notes) == (True, "1", 1, '{"a": [1]}')


def test_an_update_can_be_repeated() -> None:
    def change(table: Any) -> None:
        table.string("city").nullable().unique()
        table.integer("size").default(3).index()
        table.drop_column("old")

    Schema.create("racks", lambda table: (table.id(), table.string("old").nullable()))
    release()
    Schema.table("racks", change)
    DB.table("racks").insert({"city": "Gdynia"})
    Schema.table("racks", change)
    assert DB.table("racks").first().toArray() == {"id": 1, "city": "Gdynia", "size": 3}
    assert DB.table("racks").first().to_dict()["size"] == 3
