"""An index for services whose next period is to be charged; automatic renewals of old panels are off.

Until now, services were charged for later periods in other ways, so staff look at what is due first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

INDEX, SETTING = "ix_services_status_paid_until", "billing.renewals"
SERVICES = sa.table("services", sa.column("paid_until"))
SETTINGS = sa.table("settings", sa.column("name"), sa.column("value"))


def upgrade() -> None:
    op.create_index(INDEX, "services", ["status", "paid_until"])
    charged = sa.select(SERVICES.c.paid_until).where(SERVICES.c.paid_until.is_not(None)).limit(1)
    if op.get_bind().scalar(charged) is not None:
        op.execute(SETTINGS.insert().values(name=SETTING, value="false"))


def downgrade() -> None:
    op.execute(SETTINGS.delete().where(SETTINGS.c.name == SETTING))
    op.drop_index(INDEX, "services")
