"""Prepaid services: when they were active, their debits, and the caps of customers.

Services that exist are not charged from credit: nobody agreed to that when they were created.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}")


def upgrade() -> None:
    prepaid = sa.Column("prepaid", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("services", prepaid)
    op.create_table(
        "prepaid_spans",
        sa.Column("id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("price_id", ID),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("anchored_on", sa.Date()),
        sa.Column("charged_until", UtcDateTime()),
        sa.Column("next_at", UtcDateTime()),
        sa.Column("live", sa.Boolean()),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        _reference("prepaid_spans", "service_id", "services"),
        _reference("prepaid_spans", "client_id", "clients"),
        _reference("prepaid_spans", "price_id", "prices"),
        sa.PrimaryKeyConstraint("id", name="pk_prepaid_spans"),
        sa.UniqueConstraint("service_id", "live", name="uq_prepaid_spans_service_id_live"),
    )
    for columns in (["next_at", "client_id"], ["client_id", "live"]):
        op.create_index(f"ix_prepaid_spans_{'_'.join(columns)}", "prepaid_spans", columns)
    _create_totals()
    _create_debits()
    op.create_table(
        "prepaid_accounts",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("cap_minor", sa.BigInteger()),
        sa.Column("low_credit", sa.Boolean(), nullable=False),
        sa.Column("cap_warned_on", sa.Date()),
        _reference("prepaid_accounts", "client_id", "clients"),
        sa.PrimaryKeyConstraint("id", name="pk_prepaid_accounts"),
        sa.UniqueConstraint(
            "client_id", "currency", name="uq_prepaid_accounts_client_id_currency"
        ),
    )


def _create_totals() -> None:
    op.create_table(
        "prepaid_totals",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("entry", sa.String(40), nullable=False),
        sa.Column("tax", sa.JSON(), nullable=False),
        sa.Column("tax_key", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("debited_minor", sa.BigInteger(), nullable=False),
        sa.Column("document_id", ID),
        sa.Column("live", sa.Boolean()),
        _reference("prepaid_totals", "client_id", "clients"),
        _reference("prepaid_totals", "company_id", "companies"),
        _reference("prepaid_totals", "document_id", "documents"),
        sa.PrimaryKeyConstraint("id", name="pk_prepaid_totals"),
        sa.UniqueConstraint(
            *("client_id", "company_id", "currency", "month", "tax_key", "live"),
            name="uq_prepaid_totals_live",
        ),
    )
    op.create_index("ix_prepaid_totals_document_id", "prepaid_totals", ["document_id"])
    op.create_index("ix_prepaid_totals_live_month", "prepaid_totals", ["live", "month"])


def _create_debits() -> None:
    op.create_table(
        "debits",
        sa.Column("id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("span_id", ID, nullable=False),
        sa.Column("total_id", ID, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("share", sa.String(40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("debited_minor", sa.BigInteger(), nullable=False),
        sa.Column("posting_id", ID),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _reference("debits", "service_id", "services"),
        _reference("debits", "span_id", "prepaid_spans"),
        _reference("debits", "total_id", "prepaid_totals"),
        _reference("debits", "posting_id", "postings"),
        sa.PrimaryKeyConstraint("id", name="pk_debits"),
        sa.UniqueConstraint(
            "service_id", "kind", "starts_at", name="uq_debits_service_id_kind_starts_at"
        ),
    )
    op.create_index("ix_debits_total_id", "debits", ["total_id"])
    op.create_index("ix_debits_posting_id", "debits", ["posting_id"])


def downgrade() -> None:
    for table in ("debits", "prepaid_totals", "prepaid_accounts", "prepaid_spans"):
        op.drop_table(table)
    op.drop_column("services", "prepaid")
