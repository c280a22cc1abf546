"""Has a recorded conversation again: a loopback server answers as the provider did, and the
module's job runs in a lab.

    seen = replay(Path("task_3f2a.json"), "modules/Product/MyCloudService")
    assert (seen.status, seen.note) == ("failed", "The provider returned HTTP 500.")

`puqpanel task export` writes both the file and such a test. Run as a program it prints what it saw,
as JSON.
"""

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from puqpanel.infra import crypto
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.http import Limit, Wire
from puqpanel.infra.http import Reply as WireReply
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.operations.oversight.conversations import outcome_text
from puqpanel.sdk.testing.contract import PATIENCE
from puqpanel.sdk.testing.lab import SERVICE, Lab
from puqpanel.sdk.testing.provider import Provider, Reply, Seen
from puqpanel.tasks import add

UNKNOWN = 599


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it.

    Args:
        status, note: of the task when it had ended.
        provision_status: of its service; empty where it is about none.
        asked: what the module asked of the provider, `POST /accounts`, in order.
        unknown: what it asked that was not recorded.
    """

    status: str
    note: str
    provision_status: str
    asked: tuple[str, ...]
    unknown: tuple[str, ...]


class Recorded(Provider):
    """Answers as it was recorded: each request gets the next answer to its like, and the last
    one from then on.
    """

    def __init__(self, exchanges: list[Mapping[str, Any]]) -> None:
        super().__init__()
        self.answers: dict[str, list[Mapping[str, Any]]] = {}
        for one in exchanges:
            self.answers.setdefault(f"{one['method']} {one['path']}", []).append(one)
        self.asked: list[str] = []
        self.unknown: list[str] = []
        self._turn = threading.Lock()

    def settle(self, request: Seen) -> Reply | None:
        """One answer; None cuts the line."""
        like = f"{request.method} {request.path}"
        with self._turn:
            self.asked.append(like)
            waiting = self.answers.get(like)
            if not waiting:
                self.unknown.append(like)
                return Reply.of({"error": "This was not recorded."}, UNKNOWN)
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if "error" in answer:
            if "in time" in str(answer["error"]):
                self._gone.wait(PATIENCE + 1)
            return None
        body = answer.get("body")
        if isinstance(body, str):
            return Reply(
                int(answer.get("status", 200)),
                body.encode(),
                {"Content-Type": "text/plain; charset=utf-8"},
            )
        return (
            Reply.of(body, int(answer.get("status", 200)))
            if body is not None
            else Reply(int(answer.get("status", 200)))
        )


def replay(file: str | Path, folder: str | Path) -> Replayed:
    """Runs a recorded task again.

    Args:
        file: what `puqpanel task export` wrote.
        folder: the module's.
    """
    said = json.loads(Path(file).read_text("utf-8"))
    task, service = said["task"], said["service"] or {}
    lab = Lab(
        folder,
        product=said["product"] or {},
        service=service.get("service_data"),
        service_uuid=service.get("uuid") or SERVICE,
    )
    with lab, Recorded(said["exchanges"]) as provider, _led_to(provider), _nowhere_else():
        lab.activate()
        _fill(lab, said["tables"])
        lab.hold = True
        place = {
            "type": lab.loaded.type,
            "name": lab.loaded.name,
            "service": service.get("uuid"),
            "product": None,
        }
        data = {
            **task["data"],
            "module": place,
            "method": task["method"],
            **({"verb": task["verb"]} if task["verb"] else {}),
        }
        with transaction() as current:
            if service:
                row = current.scalars(
                    sa.select(ServiceRow).where(ServiceRow.uuid == service["uuid"])
                ).one()
                row.status, row.provision_status, row.provision_data = (
                    service["status"],
                    "processing",
                    service["provision_data"],
                )
                row.verb, place["product"] = task["verb"], row.product.uuid
            made = add.add(
                job="ModuleJob",
                queue=task["queue"],
                data=data,
                module=lab.loaded.key,
                service_uuid=service.get("uuid") or "",
                tries=task["tries"],
                backoff=0,
                timeout=task["timeout"],
                max_exceptions=task["max_exceptions"],
                on_loss=task["on_loss"],
            )
        lab.work_off(rounds=max(1, task["attempts"]))
        release()
        ended = session().get_one(TaskRow, made.id, populate_existing=True)
        after = (
            session().scalar(
                sa.select(ServiceRow.provision_status).where(ServiceRow.uuid == lab.service_uuid)
            )
            if service
            else ""
        )
        return Replayed(
            str(ended.status),
            outcome_text(ended.note),
            str(after),
            tuple(provider.asked),
            tuple(provider.unknown),
        )


def _fill(lab: Lab, tables: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Enters the module's own rows as they were."""
    with transaction() as current:
        connection = current.connection()
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # they may stand in any order
        there = set(sa.inspect(connection).get_table_names())
        for name, rows in tables.items():
            if name not in there:
                continue  # the module has another shape by now
            columns = {column["name"] for column in sa.inspect(connection).get_columns(name)}
            table = sa.table(name, *(sa.column(column) for column in columns))
            connection.execute(sa.delete(table))  # what activate() entered is among them
            for row in rows:
                values = {
                    key: crypto.encrypt(value["encrypted"]) if isinstance(value, dict) else value
                    for key, value in row.items()
                    if key in columns
                }
                connection.execute(sa.insert(table).values(values))


@contextlib.contextmanager
def _led_to(provider: Provider) -> Iterator[None]:
    """Leads every request of the SDK's to the recording, whatever address it is for."""
    real = Wire.send

    def send(
        self: Wire, method: str, url: str, *, limit: Limit | None = None, **options: Any
    ) -> WireReply:
        parts = urlsplit(url)
        here = provider.url + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        plain = Wire(timeout=PATIENCE, connect_timeout=PATIENCE, auth=self.session.auth)  # type: ignore[arg-type]
        plain.session.headers = self.session.headers
        try:
            return real(
                plain,
                method,
                here,
                limit=Limit(PATIENCE, PATIENCE, time.monotonic() + 4 * PATIENCE),
                **options,
            )
        finally:
            plain.close()

    Wire.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        Wire.send = real  # type: ignore[method-assign]


@contextlib.contextmanager
def _nowhere_else() -> Iterator[None]:
    """Refuses connections that would leave this machine: a job that goes past the SDK must not
    reach the real provider.
    """
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and host not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise OSError(f"a replay speaks to nobody outside this machine, {host} included")
        real(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        socket.socket.connect = real  # type: ignore[method-assign]


if __name__ == "__main__":
    import logging

    import structlog

    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asdict(replay(sys.argv[1], sys.argv[2]))))  # noqa: T201 - it is a program then
