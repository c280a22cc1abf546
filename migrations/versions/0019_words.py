"""Word indexes for searching clients, services and users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.models.searchable import fold
from puqpanel.models.word_index import parts

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Word = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")
TABLES = {"clients": "search_text", "services": "search_text", "users": "email"}
"""Table → column with its words."""
ROWS = 500
"""Rows that are read at a time."""


def upgrade() -> None:
    for table, column in TABLES.items():
        words = f"{table[:-1]}_words"
        op.create_table(
            words,
            sa.Column("word", Word, nullable=False),
            sa.Column("row_id", Id, nullable=False),
            sa.ForeignKeyConstraint(
                ["row_id"],
                [f"{table}.id"],
                name=op.f(f"fk_{words}_row_id"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("word", "row_id", name=op.f(f"pk_{words}")),
            sqlite_with_rowid=False,
        )
        _fill(words, table, column)
        op.create_index(f"ix_{words}_row_id", words, ["row_id", "word"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(f"{table[:-1]}_words")


def _fill(words: str, table: str, column: str) -> None:
    index = sa.table(words, sa.column("word"), sa.column("row_id"))
    source = sa.table(table, sa.column("id"), sa.column(column))
    query = sa.select(source.c.id, source.c[column]).order_by(source.c.id).limit(ROWS)
    connection, last = op.get_bind(), 0
    while rows := connection.execute(query.where(source.c.id > last)).all():
        last = rows[-1][0]
        found = [
            {"word": word, "row_id": row_id} for row_id, text in rows for word in parts(fold(text))
        ]
        if found:
            connection.execute(index.insert(), found)
