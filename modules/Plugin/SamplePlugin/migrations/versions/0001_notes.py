"""Notes."""

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOTES = "mod_plugin_sampleplugin_notes"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        NOTES,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("service_uuid", sa.String(36), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{NOTES}"),
        sa.ForeignKeyConstraint(
            ["service_uuid"], ["services.uuid"], name=f"fk_{NOTES}_service_uuid", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{NOTES}_created_at", NOTES, ["created_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table(NOTES)
