"""The language and time zone of an account."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("staff", "users"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("language", sa.String(length=35), nullable=False, server_default=""))
            batch.add_column(sa.Column("zone", sa.String(length=64), nullable=False, server_default=""))


def downgrade() -> None:
    for table in ("staff", "users"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("zone")
            batch.drop_column("language")
