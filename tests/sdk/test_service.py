"""The service handle: attributes, writes, and iteration while services change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, NotFoundError
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.host.context import Context, entered
from puqpanel.infra.db import in_transaction, release, session, transaction
from puqpanel.models import Service as Row
from puqpanel.operations.provisioning import services
from puqpanel.sdk import Service, db
from puqpanel.sdk.compat import DB
from tests.sample import make_client, make_service


@pytest.fixture
def uuids(panel: Panel, staff: Principal) -> Iterator[list[str]]:
    """Seven services of one client, in the order in which they were made."""
    client = make_client(staff)[0]
    found = [make_service(staff, "", client=client).uuid for _ in range(7)]
    release()
    with entered(Context("Product", "Echo", service_uuid=found[0])):
        yield found


def test_service_handle_attributes(uuids: list[str]) -> None:
    service = Service.find(uuids[0])
    assert (service.uuid, service.status, service.provision_status) == (
        uuids[0],
        "pending",
        "pending",
    )
    assert (service.product.name, service.client.email, service.customer.currency.code) == (
        "Cloud 10",
        "astrid@lumen.test",
        service.price.currency,
    )
    assert repr(service) == f"Service({uuids[0]}, pending, pending)"
    for unknown in ("nobody", None, "", 7, "x" * 5000):
        with pytest.raises(NotFoundError):
            Service.find(unknown)  # type: ignore[arg-type]


def test_writing(uuids: list[str]) -> None:
    service: Any = Service.find(uuids[0])
    other = Service.find(uuids[0])
    assert service.setProvisionStatus("processing").provision_status == "processing"
    assert service.set_provision_status("processing").provision_status == "processing", (
        "the same again is allowed"
    )
    assert other.provision_status == "pending" and other.refresh().provision_status == "processing"
    service.setProvisionData({"username": "u1", "password": "hunter2"})
    raw = session().scalar(
        sa.text("select provision_data from services where uuid = :uuid"), {"uuid": uuids[0]}
    )
    assert "hunter2" not in str(raw) and "username" not in str(raw)
    assert services.find_service(uuids[0]).provision_data == {
        "username": "u1",
        "password": "hunter2",
    }
    with pytest.raises(ConflictError, match="“splendid” is not a provision status"):
        service.set_provision_status("splendid")
    service.set_provision_status("terminated")
    with pytest.raises(ConflictError, match="can't change from Terminated to Completed"):
        service.set_provision_status("completed")
    assert service.refresh().provision_status == "terminated"


@pytest.mark.parametrize(
    ("size", "sizes"), [(100, [7]), (7, [7]), (3, [3, 3, 1]), (1, [1] * 7), (0, [1] * 7)]
)
def test_chunks(uuids: list[str], size: int, sizes: list[int]) -> None:
    parts: list[list[str]] = []
    Service.chunk(size, lambda part: parts.append([one.uuid for one in part]))
    assert [len(part) for part in parts] == sizes
    assert [uuid for part in parts for uuid in part] == uuids


def test_chunks_of_rows_that_change_meanwhile(uuids: list[str], staff: Principal) -> None:
    seen: list[str] = []
    client = services.find_service(uuids[0]).client

    def each(part: list[Service]) -> None:
        assert not in_transaction(), "nothing of the panel's is held while the module works"
        for service in part:
            seen.append(service.uuid)
            service.set_provision_status("processing")
            with transaction():
                session().execute(
                    sa.update(Row).where(Row.uuid == uuids[-1]).values(name="renamed")
                )
        if len(seen) == 2:
            with transaction():
                session().execute(sa.delete(Row).where(Row.uuid == uuids[3]))
        if len(seen) == 4:
            make_service(staff, "", client=client)

    Service.chunk(2, each)
    assert seen[:6] == [uuid for uuid in uuids if uuid != uuids[3]]
    assert len(seen) == 7, "what is added meanwhile is seen too, and nothing twice"
    release()
    states = session().scalars(sa.select(Row.provision_status)).all()
    assert set(states) == {ProvisionStatus.PROCESSING}


def test_chunk_stops_or_raises(uuids: list[str]) -> None:
    seen: list[int] = []

    def stop(part: list[Service]) -> bool:
        seen.append(len(part))
        return len(seen) < 2

    Service.with_("product").chunk(2, stop)
    assert seen == [2, 2]
    with pytest.raises(ZeroDivisionError):
        Service.chunk(2, lambda part: 1 / 0)
    assert Service.find(uuids[0]).uuid == uuids[0]


def test_service_list_takes_few_queries(uuids: list[str], panel: Panel) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    engine = session().get_bind()
    sa.event.listen(engine, "before_cursor_execute", note)
    found = [
        service.product.name + service.customer.name
        for service in Service.with_(["product", "customer"]).get()
    ]
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(found) == 7 and len(Service.all()) == 7
    reads = [
        statement for statement in statements if statement.lstrip().upper().startswith("SELECT")
    ]
    assert len(reads) <= 6, reads


def test_services_within_a_transaction(uuids: list[str]) -> None:
    def work() -> None:
        Service.find(uuids[0]).set_provision_status("processing")
        Service.find(uuids[1]).set_provision_status("processing")
        raise ValueError("undo")

    with pytest.raises(ValueError, match="undo"):
        DB.transaction(work)
    assert [Service.find(uuid).provision_status for uuid in uuids[:2]] == ["pending", "pending"]
    with db.transaction():
        Service.find(uuids[0]).set_provision_status("processing")
    assert Service.find(uuids[0]).provision_status == "processing"
