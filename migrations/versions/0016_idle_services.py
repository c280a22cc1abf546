"""When services became idle."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("services") as batch:
        batch.add_column(sa.Column("idle_since", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("services") as batch:
        batch.drop_column("idle_since")
