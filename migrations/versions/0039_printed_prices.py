"""Issued documents keep the unit price that they state.

Where quantity × price had to be rounded, a price was computed from the net amount and printed; now
the price that was entered is. The lines of documents that were issued before get the computed one,
so that their content and digest stay the same.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import ExactDecimal

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

CURRENCIES = sa.table("currencies", sa.column("code"), sa.column("exponent"))
DOCUMENTS = sa.table(
    "documents", sa.column("id"), sa.column("status"), sa.column("entry"), sa.column("currency")
)
LINES = sa.table(
    "document_lines",
    sa.column("id"),
    sa.column("document_id"),
    sa.column("quantity", ExactDecimal),
    sa.column("unit_price", ExactDecimal),
    sa.column("net_minor"),
)


def upgrade() -> None:
    connection = op.get_bind()
    query = sa.select(CURRENCIES.c.code, CURRENCIES.c.exponent)
    places = {code: exponent for code, exponent in connection.execute(query)}
    query = (
        sa.select(
            LINES.c.id,
            LINES.c.quantity,
            LINES.c.unit_price,
            LINES.c.net_minor,
            DOCUMENTS.c.currency,
        )
        .join_from(LINES, DOCUMENTS, DOCUMENTS.c.id == LINES.c.document_id)
        .where(DOCUMENTS.c.status != "draft", DOCUMENTS.c.entry == "net")
        .execution_options(yield_per=1000)
    )
    stated = []
    for row in connection.execute(query):
        net = Decimal(row.net_minor).scaleb(-places.get(row.currency, 2))
        product = row.unit_price * row.quantity
        if product != net and product.quantize(net, ROUND_HALF_UP) == net:
            stated.append({"key": row.id, "price": round(net / row.quantity, 10)})
    if stated:
        update = sa.update(LINES).where(LINES.c.id == sa.bindparam("key"))
        connection.execute(update.values(unit_price=sa.bindparam("price")), stated)


def downgrade() -> None:
    """Leave the prices: these are what the documents state."""
