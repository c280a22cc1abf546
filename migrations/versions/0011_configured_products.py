"""Products remember whether their module's settings were saved."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from puqpanel.infra import crypto

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHORT = 100
"""Characters of a token of up to 15 bytes; a longer one is not an empty configuration."""


def upgrade() -> None:
    with op.batch_alter_table("products") as batch:
        batch.add_column(
            sa.Column("configured", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    products = sa.table(
        "products", sa.column("id"), sa.column("config"), sa.column("configured", sa.Boolean)
    )
    connection = op.get_bind()
    rows = connection.execute(sa.select(products.c.id, products.c.config)).all()
    configured = [row.id for row in rows if _has_settings(row.config)]
    for start in range(0, len(configured), 500):
        connection.execute(
            products.update()
            .where(products.c.id.in_(configured[start : start + 500]))
            .values(configured=True)
        )
    with op.batch_alter_table("products") as batch:
        batch.alter_column(
            "configured", existing_type=sa.Boolean(), existing_nullable=False, server_default=None
        )


def downgrade() -> None:
    with op.batch_alter_table("products") as batch:
        batch.drop_column("configured")


def _has_settings(token: str) -> bool:
    if len(token) > SHORT:
        return True
    try:
        return bool(json.loads(crypto.decrypt(token)))
    except (crypto.KeyFileError, ValueError):
        return True  # it cannot be read, but something was saved
