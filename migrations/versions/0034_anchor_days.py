"""The day of the month on which periods of a service begin, if its first month has no such day."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

PRODUCTS = sa.table("products", sa.column("id"), sa.column("anchor_day", sa.Integer()))
SERVICES = sa.table(
    "services",
    sa.column("id"),
    sa.column("product_id"),
    sa.column("anchored_on", sa.Date()),
    sa.column("paid_until", sa.Date()),
    sa.column("anchor_day", sa.SmallInteger()),
)


def upgrade() -> None:
    for table in ("services", "service_changes"):
        op.add_column(table, sa.Column("anchor_day", sa.SmallInteger(), nullable=True))
    _keep_days()


def _keep_days() -> None:
    """Store the fixed day of products for services whose periods began on the last of a month.

    Those that were charged until another day were ordered before the product had a fixed day.
    """
    bind = op.get_bind()
    rows = bind.execute(
        sa.select(SERVICES.c.id, SERVICES.c.anchored_on, SERVICES.c.paid_until, PRODUCTS.c.anchor_day)
        .join(PRODUCTS, PRODUCTS.c.id == SERVICES.c.product_id)
        .where(PRODUCTS.c.anchor_day > 28, SERVICES.c.anchored_on.is_not(None))
    ).all()
    for key, start, until, day in rows:
        begun = until is None or until == start or until.day == min(day, _last_day(until))
        if start.day == _last_day(start) < day and begun:
            bind.execute(sa.update(SERVICES).where(SERVICES.c.id == key).values(anchor_day=day))


def _last_day(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def downgrade() -> None:
    for table in ("service_changes", "services"):
        op.drop_column(table, "anchor_day")
