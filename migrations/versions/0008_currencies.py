"""Currencies as rows: every currency in use is enabled, and one is the base."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import ExactDecimal

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# the decimals with which amounts have been stored so far; all other currencies had two
STORED_DECIMALS = {
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "VND"), 0),
}


def upgrade() -> None:
    currencies = op.create_table(
        "currencies",
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("exponent", sa.SmallInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("is_base", sa.Boolean(), nullable=True),
        sa.Column("rate", ExactDecimal(), nullable=True),
        sa.Column("rate_date", sa.Date(), nullable=True),
        sa.Column("step", ExactDecimal(), nullable=False),
        sa.Column("rounding", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_currencies")),
        sa.UniqueConstraint("is_base", name=op.f("uq_currencies_is_base")),
    )
    uses: Counter[str] = Counter({"EUR": 0})
    for table in ("clients", "products", "services"):
        column = sa.column("currency", sa.String)
        counts = sa.select(column, sa.func.count()).select_from(sa.table(table)).group_by(column)
        for code, count in op.get_bind().execute(counts):
            uses[code] += count if table == "clients" else 0
    # the currency of most clients; EUR, so far the default, if there are none
    base = max(uses, key=lambda code: (uses[code], code == "EUR"))
    op.bulk_insert(
        currencies,
        [
            {
                "code": code,
                "exponent": STORED_DECIMALS.get(code, 2),
                "enabled": True,
                "is_base": True if code == base else None,
                "rate": Decimal(1) if code == base else None,
                "rate_date": datetime.now(UTC).date() if code == base else None,
                "step": Decimal(1).scaleb(-STORED_DECIMALS.get(code, 2)),
                "rounding": "half_up",
            }
            for code in sorted(uses)
        ],
    )


def downgrade() -> None:
    op.drop_table("currencies")
