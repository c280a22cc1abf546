"""Sample rows for benchmarking pages: services with their clients, users, tasks and history.

They are inserted in batches. Only UUIDs and times differ between two runs with the same number.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from puqpanel.cli.context import panel
from puqpanel.cli.demo.seed import PRODUCTS
from puqpanel.domain.errors import UserError
from puqpanel.domain.periods import Period
from puqpanel.domain.slugs import slug_of
from puqpanel.domain.texts import verbatim
from puqpanel.infra.clock import now
from puqpanel.infra.crypto import EncryptedJSON, encrypt
from puqpanel.infra.db import Model, engine_for, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import (
    Audit,
    Client,
    ClientUser,
    ModuleLog,
    Price,
    Product,
    Service,
    Task,
    TaskAttempt,
    User,
)
from puqpanel.models.columns import new_uuid
from puqpanel.models.searchable import search_text

BATCH = 2000
"""Services in a transaction."""
SERVICES_OF_A_CLIENT = 4
AGE = timedelta(days=3 * 365)
"""Age of the oldest rows; they are spread evenly until now."""
DOMAIN = "example.test"
PREFIX = "Sample "
"""Prefix of the names of created products."""
SOLD = {"Small": (490, "EUR"), "Medium": (1490, "EUR"), "Large": (8900, "USD")}
FIRST = ("Anna", "Jürgen", "Zoë", "Łukasz", "Tomasz", "María", "Olav", "Ingrid", "Mehmet", "Yuki")
LAST = ("Berg", "Müller", "Nowak", "García", "Hansen", "Rossi", "Kaya", "Sato", "Novák", "Dubois")
STATES = (
    (82, "active", "completed"),
    (1, "active", "failed"),
    (4, "pending", "pending"),
    (3, "suspended", "suspended"),
    (8, "terminated", "terminated"),
    (2, "cancelled", "pending"),
)
"""Percentage, status and provision status of services."""
TASKS = ((97, "completed"), (2, "failed"), (1, "lost"))
Rows = dict[type[Model], list[dict[str, Any]]]


def add_rows(settings: Settings, services: int) -> dict[str, int]:
    """Add services to an empty panel or a demo, with rows of other tables in proportion.

    Args:
        settings: of a panel whose schema is up to date.
        services: the number of services.

    Returns:
        The number of rows by table.

    Raises:
        UserError: the panel has data of its own.
    """
    with panel(settings):
        _refuse_real_data()
        products = _products()
        first = {
            model: (session().scalar(sa.select(sa.func.max(model.id))) or 0) + 1
            for model in (Client, User, Service, Task)
        }
        counts: dict[str, int] = {}
        for rows in _batches(services, products, first):
            with transaction() as current:
                for model, values in rows.items():
                    if values:
                        current.connection().execute(_table(model).insert(), values)
                    name = model.__tablename__
                    counts[name] = counts.get(name, 0) + len(values)
        _advance_sequences(tuple(first))
    _analyze(settings)
    return counts


def _refuse_real_data() -> None:
    addresses = (
        sa.select(table.email).where(table.email.not_like(f"%{DOMAIN}")).limit(1)
        for table in (Client, User)
    )
    if any(session().scalar(address) for address in addresses):
        raise UserError(
            f"This panel has clients or users outside {DOMAIN}. Rows are added only to an empty"
            " panel or a demo; choose another directory with --instance DIR."
        )
    real = Product.name.not_in(PRODUCTS) & Product.name.not_like(f"{PREFIX}%")
    if session().scalar(sa.select(Product.id).where(real).limit(1)) is not None:
        raise UserError(
            "This panel has products that are not the demo's. Rows are added only to an empty panel"
            " or a demo; choose another directory with --instance DIR."
        )


def _products() -> list[tuple[int, int, str]]:
    """Return the id, price and currency of the products to sell; create missing ones.

    They have no module, so that no provider is asked about their services.
    """
    with transaction() as current:
        known = set(current.scalars(sa.select(Product.name)))
        for name, (price, currency) in SOLD.items():
            if PREFIX + name not in known:
                product = Product(name=PREFIX + name, slug=slug_of(PREFIX + name))
                current.add(product)
                current.flush()
                current.add(
                    Price(
                        product_id=product.id,
                        currency=currency,
                        period=Period.MONTHLY,
                        recurring_minor=price,
                    )
                )
    names = [PREFIX + name for name in SOLD]
    query = (
        sa.select(Product.id, Price.recurring_minor, Price.currency)
        .join(Price, sa.and_(Price.product_id == Product.id, Price.live.is_(True)))
        .where(Product.name.in_(names), Price.period == Period.MONTHLY)
    )
    return [
        (product_id, price, currency) for product_id, price, currency in session().execute(query)
    ]


def _batches(
    services: int, products: list[tuple[int, int, str]], first: dict[type[Any], int]
) -> Iterator[Rows]:
    """Yield rows by table, referenced tables first."""
    generator = _RowGenerator(services, products, first)
    for start in range(0, services, BATCH):
        yield generator.batch(range(start, min(start + BATCH, services)))


class _RowGenerator:
    """Generates rows.

    Args:
        services: number of services.
        products: id, price and currency of each product.
        first: the first id by table.
    """

    def __init__(
        self, services: int, products: list[tuple[int, int, str]], first: dict[type[Any], int]
    ) -> None:
        self.services, self.products, self.first = services, products, first
        self.random = random.Random(services)  # noqa: S311 (repeatable)
        self.end = now()
        self.nothing = encrypt("{}")

    def batch(self, numbers: range) -> Rows:
        """Return the rows of some services."""
        first = self.first
        rows: Rows = {
            model: []
            for model in (
                *(Client, User, ClientUser, Service),
                *(Task, TaskAttempt, Audit, ModuleLog),
            )
        }
        for number in numbers:
            created = self.end - AGE * (1 - number / self.services)
            client_id = first[Client] + number // SERVICES_OF_A_CLIENT
            if number % SERVICES_OF_A_CLIENT == 0:
                self._add_client(rows, created, client_id)
            service = self._service(created, first[Service] + number, client_id)
            rows[Service].append(service)
            self._add_history(rows, created, first[Task] + number, service)
        return rows

    def _add_client(self, rows: Rows, created: datetime, client_id: int) -> None:
        rng, user_id = self.random, self.first[User] - self.first[Client] + client_id
        name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        email = f"client{client_id}@{DOMAIN}"
        company = f"{name.split()[1]} {client_id} GmbH" if rng.random() < 0.5 else ""
        common = {"uuid": new_uuid(), "name": name, "active": True, "created_at": created}
        rows[Client].append(
            common
            | {
                "id": client_id,
                "email": email,
                "company": company,
                "address_label": "",
                "country": rng.choice(("DE", "PL", "NO", "ES")),
                "currency": "EUR",
                "notes": "",
                "search_text": search_text((name, company, email)),
            }
        )
        unusable = {"password_hash": "!", "language": "", "zone": ""}
        rows[User].append(common | unusable | {"id": user_id, "uuid": new_uuid(), "email": email})
        rows[ClientUser].append(
            {
                "client_id": client_id,
                "user_id": user_id,
                "owner": True,
                "permissions": [],
                "created_at": created,
            }
        )

    def _service(self, created: datetime, service_id: int, client_id: int) -> dict[str, Any]:
        rng = self.random
        product_id, price, currency = rng.choice(self.products)
        _, status, provisioned = rng.choices(STATES, [state[0] for state in STATES])[0]
        name = f"www{service_id}.{rng.choice(LAST).lower()}.{DOMAIN}"
        changed = created + (self.end - created) * rng.random()
        return {
            "id": service_id,
            "uuid": new_uuid(),
            "client_id": client_id,
            "product_id": product_id,
            "name": name,
            "status": status,
            "provision_status": provisioned,
            "settled_from": "pending",
            "verb": "" if provisioned == "pending" else "create",
            "service_data": self.nothing,
            "provision_data": self.nothing,
            "failure": verbatim("No space left." if provisioned == "failed" else ""),
            "status_since": changed,
            "provision_since": changed,
            "created_at": created,
            "terminated_at": changed if status == "terminated" else None,
            "price_minor": price,
            "currency": currency,
            "period": "monthly",
            "search_text": search_text((name,)),
        }

    def _add_history(
        self, rows: Rows, created: datetime, task_id: int, service: dict[str, Any]
    ) -> None:
        """Add a task with its attempt, an audit entry and, for every second one, a log entry."""
        _, outcome = self.random.choices(TASKS, [state[0] for state in TASKS])[0]
        ended = created + timedelta(seconds=self.random.randint(1, 30))
        about = {"subject_type": "service", "subject_uuid": service["uuid"]}
        automation = {
            "actor_kind": "automation",
            "actor_name": "",
            "ip": "",
            "impersonator_name": "",
        }
        rows[Task].append(
            about
            | automation
            | {
                "id": task_id,
                "uuid": new_uuid(),
                "job": "ModuleJob",
                "queue": "Module",
                "title": f"Create {service['name']}",
                "data": self.nothing,
                "status": outcome,
                "run_at": created,
                "attempt": 1,
                "tries": 1,
                "backoff": 10,
                "timeout": 600,
                "max_exceptions": 2,
                "exceptions": 0,
                "rescues": 0,
                "waited": 0,
                "on_loss": "lose",
                "in_doubt": False,
                "like_key": "",
                "duplicates": 0,
                "module": "Product/MyCloudService",
                "started_at": created,
                "ended_at": ended,
                "note": verbatim(""),
                "created_at": created,
            }
        )
        rows[TaskAttempt].append(
            {
                "task_id": task_id,
                "number": 1,
                "owner": "demo",
                "started_at": created,
                "ended_at": ended,
                "outcome": outcome,
                "message": verbatim("" if outcome == "completed" else "No space left."),
                "output": None,
            }
        )
        rows[Audit].append(
            about
            | automation
            | {
                "at": created,
                "action": "service.created",
                "summary": verbatim(f"{service['name']} created."),
            }
        )
        if task_id % 2:
            rows[ModuleLog].append(
                {
                    "at": ended,
                    "type": "Product",
                    "name": "MyCloudService",
                    "level": "info" if outcome == "completed" else "error",
                    "action": "create",
                    "request": "",
                    "response": "",
                    "duration_ms": self.random.randint(5, 900),
                    "service_uuid": service["uuid"],
                    "task_id": task_id,
                    "attempt": 1,
                    "actor_kind": "automation",
                    "actor_name": "",
                    "request_id": "",
                }
            )


def _table(model: type[Model]) -> sa.TableClause:
    """Return a model's table for values that are already encrypted."""
    return sa.table(
        model.__tablename__,
        *(
            sa.column(column.name, sa.Text() if _encrypted(column) else column.type)
            for column in model.__table__.columns
        ),
    )


def _encrypted(column: Any) -> bool:
    return isinstance(column.type, EncryptedJSON)


def _advance_sequences(models: tuple[type[Any], ...]) -> None:
    """Move PostgreSQL's sequences past the inserted IDs; other databases do so by themselves."""
    if session().get_bind().dialect.name != "postgresql":
        return
    with transaction() as current:
        for model in models:
            sequence = sa.func.pg_get_serial_sequence(model.__tablename__, "id")
            newest = sa.select(sa.func.max(model.id)).scalar_subquery()
            current.execute(sa.select(sa.func.setval(sequence, newest)))


def _analyze(settings: Settings) -> None:
    """Update PostgreSQL's statistics now instead of waiting for autovacuum."""
    engine = engine_for(settings.database_url)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
