"""Models in the vendor's and the Python spelling, on the database of the test run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.host.context import Context, entered
from puqpanel.infra.db import release
from puqpanel.sdk.compat import DB, Crypt, Model, Schema


class CloudServer(Model):
    fillable = [  # noqa: RUF012 - as the vendor documentation writes it
        "name",
        "host",
        "username",
        "password",
        "api_key",
        "active",
    ]
    hidden = ["password"]  # noqa: RUF012

    # Password automatically encrypted when saving
    def setPasswordAttribute(self, value: str) -> None:
        self.attributes["password"] = Crypt.encrypt_string(value)

    def getPasswordAttribute(self, value: str) -> str:
        return Crypt.decrypt_string(value)

    def set_api_key_attribute(self, value: str) -> None:
        self.attributes["api_key"] = f"<{value}>"


class Company(Model):
    fillable = ("title",)
    timestamps = False


class Box(Model):
    table = "crates"
    primaryKey = "code"
    fillable = ("code", "size")


@pytest.fixture(autouse=True)
def inside(panel: Panel) -> Iterator[None]:
    with entered(Context("Product", "Cloud")):

        def servers(table: Any) -> None:
            table.uuid().primary()
            table.string("name").unique()
            table.string("host")
            table.string("username").nullable()
            table.text("password")
            table.text("api_key").nullable()
            table.boolean("active").default(True)
            table.json("table").nullable()
            table.timestamps()

        def companies(table: Any) -> None:
            table.id()
            table.string("title")
            table.timestamps()

        Schema.create("cloud_servers", servers)
        Schema.create("companies", companies)
        with Schema.create("crates") as table:
            table.string("code")
            table.integer("size").nullable()
        yield
        release()


def made(name: str = "fra-1", **more: Any) -> Any:
    return CloudServer.create(
        {"name": name, "host": "10.0.0.1", "password": "swordfish", "api_key": "k", **more}
    )


def test_vendor_model() -> None:
    server = made()
    assert len(server.uuid) == 36
    assert server.created_at == server.updated_at
    stored = DB.table("cloud_servers").first()
    assert stored is not None
    assert "swordfish" not in stored.password and stored.api_key == "<k>"
    found: Any = CloudServer.where("active", True).first()
    assert (found.uuid, found.host, found.password, found.api_key, found.active, found["host"]) == (
        server.uuid,
        "10.0.0.1",
        "swordfish",
        "<k>",
        True,
        "10.0.0.1",
    )
    found.password = "other"
    found.host = "10.0.0.2"
    found.save()
    again: Any = CloudServer.find(server.uuid)
    assert (again.password, again.host) == ("other", "10.0.0.2")
    assert again.update({"host": "10.0.0.3", "uuid": "forged", "created_at": None}) is True
    assert CloudServer.find("forged") is None
    assert server.refresh().host == "10.0.0.3"
    assert (
        set(again.toArray())
        == set(again.to_dict())
        == {
            "uuid",
            "name",
            "host",
            "username",
            "api_key",
            "active",
            "table",
            "created_at",
            "updated_at",
        }
    )
    assert again.delete() is True and again.delete() is False
    assert CloudServer.first() is None
    with pytest.raises(NotFoundError):
        server.save()
    with pytest.raises(NotFoundError):
        server.refresh()


def test_queries() -> None:
    for name in ("b", "a", "c"):
        made(name, active=name != "c")
    assert CloudServer.count() == 3
    assert [one.name for one in CloudServer.order_by("name").get()] == ["a", "b", "c"]
    assert [one.name for one in CloudServer.orderBy("name", "desc").limit(1).get()] == ["c"]  # type: ignore[attr-defined]
    assert {one.name for one in CloudServer.where_in("name", ["a", "b", "x"]).get()} == {"a", "b"}
    assert CloudServer.where({"active": False}).pluck("name") == ["c"]
    assert CloudServer.where("name", "!=", "a").where("active", True).value("name") == "b"
    assert (
        CloudServer.where("active", True).count() == 2
        and CloudServer.where("name", "x").exists() is False
    )
    assert CloudServer.where("name", "a").update({"host": "h"}) == 1
    assert CloudServer.query().where("name", "a").delete() == 1
    assert len(CloudServer.all()) == 2
    assert {type(one) for one in CloudServer.all()} == {CloudServer}


def test_save_keeps_concurrent_changes() -> None:
    made()
    one: Any = CloudServer.first()
    other: Any = CloudServer.first()
    one.update(host="10.0.0.9")
    other.username = "root"
    other.save()
    found: Any = CloudServer.first()
    assert (found.host, found.username) == ("10.0.0.9", "root")


def test_update_and_delete_refuse_a_limit() -> None:
    made("a")
    made("b")
    query = CloudServer.query()
    assert query.first() is not None and len(query.get()) == 2, (
        "first() leaves the question as it was"
    )
    with pytest.raises(UserError, match="does not support limit"):
        CloudServer.query().limit(1).delete()
    with pytest.raises(UserError, match="does not support limit"):
        CloudServer.query().offset(1).update({"host": "h"})
    assert {one.host for one in CloudServer.all()} == {"10.0.0.1"}


def test_numbers_as_keys_and_names_of_tables() -> None:
    one, two = Company.create(title="Lumen"), Company.create({"title": "Other"})
    assert (one.id, two.id) == (1, 2)
    assert one.created_at is None
    assert Company.find(2).title == "Other"  # type: ignore[union-attr]
    box = Box.create(code="x", size=3)
    assert (Box.table_name(), box.code, Box.find("x").size) == ("crates", "x", 3)  # type: ignore[union-attr]
    assert [
        type(name, (Model,), {}).table_name() for name in ("VPSServer", "Address", "Day", "Batch")
    ] == ["vps_servers", "addresses", "days", "batches"]  # type: ignore[attr-defined]


def test_invalid_columns() -> None:
    server = made()
    with pytest.raises(AttributeError, match="CloudServer has no colour"):
        server.colour  # noqa: B018
    server["table"] = {"a": 1}
    server.save()
    assert CloudServer.first()["table"] == '{"a": 1}'  # type: ignore[index]
    assert CloudServer.table_name() == "cloud_servers"
    server.colour = "red"
    with pytest.raises(UserError, match="no column colour"):
        server.save()

    class Open(Model):
        table = "companies"

    with pytest.raises(UserError, match="declares no fillable columns"):
        Open.create(title="x")
    with pytest.raises(UserError, match="needs a primary_key"):
        type("Crate", (Model,), {"fillable": ("code",)}).create(code="y")  # type: ignore[attr-defined]
