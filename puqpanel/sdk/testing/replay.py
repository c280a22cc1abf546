"""Replay a recorded task: a loopback server responds as the provider did.

    replayed = replay(Path("task_3f2a.json"), "modules/Product/MyCloudService")
    assert (replayed.status, replayed.note) == ("failed", "The provider returned HTTP 500.")

`puqpanel task export` writes both the recording and such a test. Run as a program, this prints the
outcome as JSON.
"""

import contextlib
import json
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import sqlalchemy as sa

from puqpanel.infra import crypto
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.http import Limit, Wire
from puqpanel.infra.http import Reply as WireReply
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.operations.oversight.conversations import outcome_text
from puqpanel.sdk.testing.contract import PATIENCE
from puqpanel.sdk.testing.lab import SERVICE, Lab, service_row
from puqpanel.sdk.testing.provider import Provider, Reply, Seen
from puqpanel.tasks import add

UNKNOWN = 599


@dataclass(frozen=True, slots=True)
class Replayed:
    """The outcome of a replay.

    Attributes:
        status: the task's final status.
        note: the task's note.
        provision_status: that of its service; empty if the task has none.
        asked: the requests to the provider, `POST /accounts`, in order.
        unknown: the requests that were not recorded.
    """

    status: str
    note: str
    provision_status: str
    asked: tuple[str, ...]
    unknown: tuple[str, ...]


class Recorded(Provider):
    """A provider that gives each request the next recorded response, and repeats the last one."""

    def __init__(self, exchanges: list[Mapping[str, Any]]) -> None:
        super().__init__()
        self.answers: dict[str, list[Mapping[str, Any]]] = {}
        for exchange in exchanges:
            key = f"{exchange['method']} {exchange['path']}"
            self.answers.setdefault(key, []).append(exchange)
        self.asked: list[str] = []
        self.unknown: list[str] = []

    def settle(self, request: Seen) -> Reply | None:
        """Return the recorded response; None closes the connection."""
        key = f"{request.method} {request.path}"
        with self._lock:
            self.asked.append(key)
            recorded = self.answers.get(key)
            if not recorded:
                self.unknown.append(key)
                return Reply.of({"error": "This request was not recorded."}, UNKNOWN)
            answer = recorded.pop(0) if len(recorded) > 1 else recorded[0]
        if "error" in answer:
            if "in time" in str(answer["error"]):
                self._gone.wait(PATIENCE + 1)
            return None
        status, body = int(answer.get("status", 200)), answer.get("body")
        if isinstance(body, str):
            return Reply(status, body.encode(), {"Content-Type": "text/plain; charset=utf-8"})
        return Reply(status) if body is None else Reply.of(body, status)


def replay(file: str | Path, folder: str | Path) -> Replayed:
    """Run a recorded task again.

    Args:
        file: the recording that `puqpanel task export` wrote.
        folder: the module's folder.
    """
    recording = json.loads(Path(file).read_text("utf-8"))
    task, service = recording["task"], recording["service"] or {}
    lab = Lab(
        folder,
        product=recording["product"] or {},
        service=service.get("service_data"),
        service_uuid=service.get("uuid") or SERVICE,
    )
    with lab, Recorded(recording["exchanges"]) as provider, _led_to(provider), _nowhere_else():
        lab.activate()
        _fill(lab, recording["tables"])
        lab.hold = True
        target = {
            "type": lab.loaded.type,
            "name": lab.loaded.name,
            "service": service.get("uuid"),
            "product": None,
        }
        data = {
            **task["data"],
            "module": target,
            "method": task["method"],
            **({"verb": task["verb"]} if task["verb"] else {}),
        }
        with transaction() as current:
            if service:
                row = service_row(current, service["uuid"])
                row.status, row.provision_status = service["status"], "processing"
                row.provision_data, row.verb = service["provision_data"], task["verb"]
                target["product"] = row.product.uuid
            added = add.add(
                job="ModuleJob",
                queue=task["queue"],
                data=data,
                module=lab.loaded.key,
                subject_type="service" if service else "",
                subject_uuid=service.get("uuid") or "" if service else "",
                tries=task["tries"],
                backoff=0,
                timeout=task["timeout"],
                max_exceptions=task["max_exceptions"],
                on_loss=task["on_loss"],
            )
        lab.work_off(rounds=max(1, task["attempts"]))
        release()
        ended = session().get_one(TaskRow, added.id, populate_existing=True)
        return Replayed(
            str(ended.status),
            outcome_text(ended.note),
            service_row(session(), lab.service_uuid).provision_status if service else "",
            tuple(provider.asked),
            tuple(provider.unknown),
        )


def _fill(lab: Lab, tables: Mapping[str, list[Mapping[str, Any]]]) -> None:
    """Insert the recorded rows of the module's tables."""
    with transaction() as current:
        connection = current.connection()
        connection.exec_driver_sql(
            "PRAGMA defer_foreign_keys=ON"
        )  # rows are in no particular order
        existing = set(sa.inspect(connection).get_table_names())
        for name, rows in tables.items():
            if name not in existing:
                continue  # the module no longer has this table
            columns = {column["name"] for column in sa.inspect(connection).get_columns(name)}
            table = sa.table(name, *(sa.column(column) for column in columns))
            connection.execute(sa.delete(table))  # activate() inserted some of these rows
            for row in rows:
                values = {
                    key: crypto.encrypt(value["encrypted"]) if isinstance(value, dict) else value
                    for key, value in row.items()
                    if key in columns
                }
                connection.execute(sa.insert(table).values(values))


def _led_to(provider: Provider) -> contextlib.AbstractContextManager[object]:
    """Redirect every request through the SDK to the recording."""
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

    return mock.patch.object(Wire, "send", send)


def _nowhere_else() -> contextlib.AbstractContextManager[object]:
    """Refuse connections to other machines, for jobs that bypass the SDK."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and host not in (
            "127.0.0.1",
            "::1",
            "localhost",
        ):
            raise OSError(f"a replay must not connect to {host}")
        real(self, address)

    return mock.patch.object(socket.socket, "connect", connect)


if __name__ == "__main__":
    import logging

    import structlog

    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(json.dumps(asdict(replay(sys.argv[1], sys.argv[2]))))  # noqa: T201 - run as a program
