"""Recorded conversations of a module with its provider during a task, without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import Text, _
from puqpanel.host.context import table_prefix
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra import crypto
from puqpanel.infra.db import session
from puqpanel.infra.known_secrets import MASK, SHORTEST
from puqpanel.infra.redact import redact_text, secret_name
from puqpanel.models import Service, Task
from puqpanel.operations.oversight.tasks import log_of
from puqpanel.operations.provisioning.services import find_service, module_of

STAND_IN = "not-the-real-one"
"""Placeholder of secrets: valid in a header, and long enough for most forms."""
MOST_ROWS = 50
MOST_LINES = 500
_REQUEST = re.compile(r"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (https?://\S+)")
_REFERENCE = re.compile(r"; reference [0-9A-F-]{6,}")


def conversation(task: Task) -> dict[str, Any]:
    """Return the requests and responses of a task's attempts as JSON-serializable values.

    Args:
        task: a `ModuleJob`.

    Returns:
        task, module, service, product, tables (the module's own rows) and exchanges in order.

    Raises:
        UserError: the task is not a job of a module.
    """
    if task.job != "ModuleJob" or not task.module:
        raise UserError(
            _(
                "This task is a %(job)s; only module jobs send requests to a provider.",
                job=task.job,
            )
        )
    service = find_service(task.service_uuid) if task.service_uuid else None
    record = {
        "task": {
            "uuid": task.uuid,
            "method": str(task.data.get("method")),
            "verb": str(task.data.get("verb") or ""),
            "queue": task.queue,
            "tries": task.tries,
            "timeout": task.timeout,
            "max_exceptions": task.max_exceptions,
            "on_loss": task.on_loss,
            "data": {
                key: value
                for key, value in task.data.items()
                if key not in ("module", "method", "verb")
            },
            "attempts": task.attempt,
            "status": str(task.status),
            "note": outcome_text(task.note),
            "ended_at": task.ended_at.isoformat() if task.ended_at else "",
        },
        "module": task.module,
        "service": (
            None
            if service is None
            else {
                "uuid": service.uuid,
                "status": service.status,
                "provision_status": service.provision_status,
                "service_data": service.service_data,
                "provision_data": service.provision_data,
            }
        ),
        "product": None if service is None else service.product.config,
        "tables": _tables(task, service),
        "exchanges": list(_exchanges(task)),
    }
    return dict(without_secrets(record, _secrets(service)))


def outcome_text(note: Text) -> str:
    """Return a task's note without its reference number, which differs each time."""
    return _REFERENCE.sub("", str(note))


def without_secrets(value: Any, secrets: Iterable[str]) -> Any:
    """Return a copy with placeholders for secrets.

    A secret is recognized by the name of its field, by its format, or as one of the known secrets.

    Args:
        value: JSON-serializable value.
        secrets: known secrets.
    """
    return _clean(value, sorted(secrets, key=len, reverse=True), "")


def _clean(value: Any, known: list[str], name: str) -> Any:
    if isinstance(value, Mapping):
        return {
            _text(str(key), known): _clean(item, known, str(key)) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(item, known, name) for item in value]
    if isinstance(value, str):
        return STAND_IN if value and secret_name(name) else _text(value, known)
    return STAND_IN if secret_name(name) and value and not isinstance(value, bool) else value


def _text(text: str, known: list[str]) -> str:
    for secret in known:
        text = text.replace(secret, STAND_IN)
    return redact_text(text).replace(MASK, STAND_IN)


def _secrets(service: Service | None) -> Iterable[str]:
    """Return the secrets of the task's service and product."""

    def inside(value: Any, name: str = "") -> Iterable[str]:
        if isinstance(value, Mapping):
            for key, item in value.items():
                yield from inside(item, str(key))
        elif isinstance(value, list | tuple):
            for item in value:
                yield from inside(item, name)
        elif (
            isinstance(value, str)
            and len(value) >= SHORTEST
            and (name in declared or secret_name(name))
        ):
            yield value

    if service is not None:
        module = module_of(service)
        declared = secret_fields(module.cls if module else None)
        for stored in (service.service_data, service.provision_data, service.product.config):
            yield from inside(stored or {})


def _exchanges(task: Task) -> Iterable[dict[str, Any]]:
    for row in log_of(task, MOST_LINES):
        request, response = _json(row.request), _json(row.response)
        match = (
            _REQUEST.fullmatch(str(request.get("request", "")))
            if isinstance(request, dict)
            else None
        )
        if match is None:
            continue
        address = urlsplit(match[2])
        answer = response if isinstance(response, dict) else {"cut": True}
        yield {
            "attempt": row.attempt,
            "method": match[1],
            "host": address.netloc.rpartition("@")[2],
            "path": address.path or "/",
            "query": request.get("query") or ({"": address.query} if address.query else {}),
            "sent": request.get("body"),
            **{
                key: answer[key]
                for key in ("status", "body", "error", "lost", "cut")
                if key in answer
            },
        }


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _tables(task: Task, service: Service | None) -> dict[str, list[dict[str, Any]]]:
    """Return the module's rows of the task's service and those without an owner, such as servers.

    Rows of other clients are left out.
    """
    module_type, _, module_name = task.module.partition("/")
    prefix, connection = table_prefix(module_type, module_name), session().connection()
    inspector = sa.inspect(connection)
    tables: dict[str, list[dict[str, Any]]] = {}
    for table in inspector.get_table_names():
        if not table.startswith(prefix) or table == f"{prefix}version":
            continue
        columns = [column["name"] for column in inspector.get_columns(table)]
        own = sa.table(table, *(sa.column(name) for name in columns))
        query = sa.select(own).limit(MOST_ROWS)
        owners = {
            "services": service.uuid if service else "",
            "clients": service.client.uuid if service else "",
            "invoices": "",
        }
        whose = {"service_uuid": "services", "client_uuid": "clients", "invoice_uuid": "invoices"}
        whose |= {
            key["constrained_columns"][0]: key["referred_table"]
            for key in inspector.get_foreign_keys(table)
        }
        for column, owner in whose.items():
            if column in columns and owner in owners:
                query = query.where(own.c[column] == owners[owner])
        rows = connection.execute(query).mappings().all()
        tables[table] = [{key: _stored(key, value) for key, value in row.items()} for row in rows]
    return {table: rows for table, rows in tables.items() if rows}


def _stored(name: str, value: Any) -> Any:
    """Return a value that can be inserted again; encrypted values contain placeholders."""
    if isinstance(value, str) and value.startswith("gAAAA"):
        try:
            plain = crypto.decrypt(value)
        except Exception:
            return {"encrypted": STAND_IN}
        decrypted = _json(plain)
        return {
            "encrypted": (
                json.dumps(dict.fromkeys(decrypted, STAND_IN))
                if isinstance(decrypted, dict)
                else STAND_IN
            )
        }
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes):
        return None
    return json.dumps(value) if isinstance(value, dict | list) else value
