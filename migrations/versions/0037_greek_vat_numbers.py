"""Greek VAT numbers have the prefix EL, which VIES knows; GR was kept if it was entered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("clients", "companies"):
        table = sa.table(name, sa.column("country"), sa.column("vat_number", sa.String))
        number = table.c.vat_number
        op.execute(
            sa.update(table)
            .where(table.c.country == "GR", sa.func.upper(sa.func.substr(number, 1, 2)) == "GR")
            .values(vat_number=sa.literal("EL") + sa.func.substr(number, 3))
        )


def downgrade() -> None:
    """Leave the numbers: EL was always valid too."""
