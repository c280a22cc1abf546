"""What was read from the folders of installed modules. Rescanning fills the table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "installed_modules"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", Id, nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("place", sa.String(length=260), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("invalid", sa.Boolean(), nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installed_modules")),
        sa.UniqueConstraint("type", "name", name=op.f("uq_installed_modules_type_name")),
    )
    op.create_index(op.f("ix_installed_modules_place"), TABLE, ["place"])
    op.create_index(op.f("ix_installed_modules_title"), TABLE, ["title"])


def downgrade() -> None:
    op.drop_table(TABLE)
