"""Transfers, statements, their lines, and the columns of CSV files."""

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PREFIX = "mod_payment_banktransfer_"
TRANSFERS, STATEMENTS, LINES, COLUMNS = (
    PREFIX + name for name in ("transfers", "statements", "lines", "columns")
)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        TRANSFERS,
        sa.Column("id", BIG, nullable=False),
        sa.Column("gateway_uuid", sa.String(36), nullable=False),
        sa.Column("documents", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(10), nullable=False),
        sa.Column("attempt_uuid", sa.String(36), nullable=False),
        sa.Column("invoice_uuid", sa.String(36), nullable=False),
        sa.Column("number", sa.String(200), nullable=False),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("company", sa.String(200), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TRANSFERS}"),
        sa.UniqueConstraint("reference", name=f"uq_{TRANSFERS}_reference"),
        sa.UniqueConstraint(
            "gateway_uuid", "documents", name=f"uq_{TRANSFERS}_gateway_uuid_documents"
        ),
    )
    op.create_index(f"ix_{TRANSFERS}_minor", TRANSFERS, ["minor", "currency"])
    op.create_table(
        STATEMENTS,
        sa.Column("id", BIG, nullable=False),
        sa.Column("gateway_uuid", sa.String(36), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("format", sa.String(10), nullable=False),
        sa.Column("content", sa.LargeBinary(2**24), nullable=True),
        sa.Column("added", sa.Integer(), nullable=True),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("uploaded_by", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{STATEMENTS}"),
    )
    op.create_table(
        LINES,
        sa.Column("id", BIG, nullable=False),
        sa.Column("statement_id", BIG, nullable=False),
        sa.Column("gateway_uuid", sa.String(36), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("payer", sa.String(200), nullable=False),
        sa.Column("payer_account", sa.String(60), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempt_uuid", sa.String(36), nullable=False),
        sa.Column("invoice_uuid", sa.String(36), nullable=False),
        sa.Column("reference", sa.String(10), nullable=False),
        sa.Column("number", sa.String(200), nullable=False),
        sa.Column("error", sa.String(500), nullable=False),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=f"pk_{LINES}"),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            [f"{STATEMENTS}.id"],
            name=f"fk_{LINES}_statement_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("account", "digest", name=f"uq_{LINES}_account_digest"),
    )
    op.create_index(f"ix_{LINES}_statement_id", LINES, ["statement_id"])
    op.create_index(f"ix_{LINES}_state", LINES, ["state", "id"])
    op.create_index(f"ix_{LINES}_reference", LINES, ["reference"])
    op.create_table(
        COLUMNS,
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("layout", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=f"pk_{COLUMNS}"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (COLUMNS, LINES, STATEMENTS, TRANSFERS):
        op.drop_table(table)
