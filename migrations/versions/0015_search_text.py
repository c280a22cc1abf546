"""Rows are found by their names in any case, without accents; services by addresses and logins."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from puqpanel.infra import crypto
from puqpanel.models.searchable import identifiers, search_text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = {
    "clients": ("name", "company", "email"),
    "instances": ("title", "name"),
    "products": ("name",),
    "services": ("name", "service_data", "provision_data"),
    "staff": ("name", "email"),
}
ROWS = 500
"""Rows that are read at a time."""


def upgrade() -> None:
    for table, columns in TABLES.items():
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
        _fill(table, columns)
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                "search_text", existing_type=sa.Text(), existing_nullable=False, server_default=None
            )


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("search_text")


def _fill(name: str, columns: tuple[str, ...]) -> None:
    table = sa.table(name, sa.column("id"), sa.column("search_text"), *map(sa.column, columns))
    update = (
        table.update()
        .where(table.c.id == sa.bindparam("row"))
        .values(search_text=sa.bindparam("words"))
    )
    connection, last = op.get_bind(), 0
    query = sa.select(table.c.id, *(table.c[column] for column in columns)).order_by(table.c.id)
    while rows := connection.execute(query.where(table.c.id > last).limit(ROWS)).all():
        last = rows[-1].id
        connection.execute(
            update,
            [
                {
                    "row": row.id,
                    "words": search_text(
                        text for column in columns for text in _texts(column, getattr(row, column))
                    ),
                }
                for row in rows
            ],
        )


def _texts(column: str, stored: str) -> Iterator[str]:
    """Yield a name, or the addresses in data: what modules declare secret is not known here."""
    if not column.endswith("_data"):
        yield stored
        return
    with contextlib.suppress(crypto.KeyFileError, ValueError):  # unreadable
        yield from identifiers(json.loads(crypto.decrypt(stored)), None)
