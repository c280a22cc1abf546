"""Attempts, webhook events, refunds and saved methods of gateways; payments that have not arrived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import UtcDateTime

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PAYMENTS = sa.table(
    "payments", sa.column("id", Id), sa.column("client_id", Id), sa.column("status", sa.String)
)
ALLOCATIONS = sa.table("allocations", sa.column("payment_id", Id))


def upgrade() -> None:
    _create_methods()
    _create_attempts()
    op.create_table(
        "payment_events",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("gateway", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("content", EncryptedJSON(), nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payment_events"),
        sa.UniqueConstraint("uuid", name="uq_payment_events_uuid"),
        sa.UniqueConstraint("gateway", "digest", name="uq_payment_events_gateway_digest"),
    )
    op.create_index(
        "ix_payment_events_status_created_at", "payment_events", ["status", "created_at"]
    )
    op.create_index("ix_payment_events_created_at", "payment_events", ["created_at"])
    _change_payments()
    op.create_table(
        "refunds",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("payment_id", Id, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("outside_id", sa.String(200)),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("next_poll_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_refunds_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sa.UniqueConstraint("uuid", name="uq_refunds_uuid"),
        sa.UniqueConstraint(
            "payment_id", "kind", "outside_id", name="uq_refunds_payment_id_kind_outside_id"
        ),
    )
    op.create_index("ix_refunds_next_poll_at", "refunds", ["next_poll_at"])
    with op.batch_alter_table("instances") as table:
        table.add_column(sa.Column("company_id", Id))
        table.add_column(
            sa.Column("currencies", sa.String(400), nullable=False, server_default="")
        )
        table.create_index("ix_instances_company_id", ["company_id"])
        table.create_foreign_key(
            "fk_instances_company_id", "companies", ["company_id"], ["id"]
        )
    with op.batch_alter_table("instances") as table:
        table.alter_column("currencies", existing_type=sa.String(400), server_default=None)


def _create_methods() -> None:
    op.create_table(
        "payment_methods",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("gateway", sa.String(36), nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("outside_id", sa.String(200), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("brand", sa.String(40), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("expires", sa.String(7), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_payment_methods_client_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payment_methods"),
        sa.UniqueConstraint("uuid", name="uq_payment_methods_uuid"),
        sa.UniqueConstraint(
            "gateway", "outside_id", name="uq_payment_methods_gateway_outside_id"
        ),
    )
    op.create_index("ix_payment_methods_client_id", "payment_methods", ["client_id"])


def _create_attempts() -> None:
    op.create_table(
        "payment_attempts",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("gateway", sa.String(36), nullable=False),
        sa.Column("company_id", Id, nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("save_method", sa.Boolean(), nullable=False),
        sa.Column("method_id", Id),
        sa.Column("outside_id", sa.String(200), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("data", EncryptedJSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("next_poll_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name="fk_payment_attempts_company_id"
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_payment_attempts_client_id"
        ),
        sa.ForeignKeyConstraint(
            ["method_id"], ["payment_methods.id"], name="fk_payment_attempts_method_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payment_attempts"),
        sa.UniqueConstraint("uuid", name="uq_payment_attempts_uuid"),
    )
    for name in (["gateway", "outside_id"], ["client_id", "id"], ["method_id"], ["next_poll_at"]):
        op.create_index(f"ix_payment_attempts_{'_'.join(name)}", "payment_attempts", name)
    op.create_table(
        "attempt_documents",
        sa.Column("id", Id, nullable=False),
        sa.Column("attempt_id", Id, nullable=False),
        sa.Column("document_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempts.id"], name="fk_attempt_documents_attempt_id"
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_attempt_documents_document_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attempt_documents"),
        sa.UniqueConstraint(
            "attempt_id", "document_id", name="uq_attempt_documents_attempt_id_document_id"
        ),
    )
    op.create_index("ix_attempt_documents_document_id", "attempt_documents", ["document_id"])


def _change_payments() -> None:
    with op.batch_alter_table("payments") as table:
        table.alter_column("client_id", existing_type=Id, nullable=True)
        table.add_column(sa.Column("attempt_id", Id))
        table.add_column(sa.Column("fee_minor", sa.BigInteger()))
        table.add_column(sa.Column("payer", sa.String(200), nullable=False, server_default=""))
        for name in ("reason", "action_url"):
            # a default of its own, because MariaDB takes none for TEXT in all versions
            table.add_column(sa.Column(name, sa.Text()))
        table.add_column(sa.Column("polls", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("next_poll_at", UtcDateTime()))
        table.create_index("ix_payments_attempt_id", ["attempt_id"])
        table.create_index("ix_payments_next_poll_at", ["next_poll_at"])
        table.create_index("ix_payments_status_id", ["status", "id"])
        table.create_foreign_key(
            "fk_payments_attempt_id", "payment_attempts", ["attempt_id"], ["id"]
        )
    op.execute(sa.text("UPDATE payments SET reason = '', action_url = ''"))
    with op.batch_alter_table("payments") as table:
        table.alter_column("payer", existing_type=sa.String(200), server_default=None)
        table.alter_column("polls", existing_type=sa.Integer(), server_default=None)
        for name in ("reason", "action_url"):
            table.alter_column(name, existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("instances") as table:
        table.drop_constraint("fk_instances_company_id", type_="foreignkey")
        table.drop_index("ix_instances_company_id")
        table.drop_column("company_id")
        table.drop_column("currencies")
    op.drop_table("refunds")
    # the version before knows only payments that arrived, each of a client
    op.execute(
        PAYMENTS.delete().where(
            sa.or_(PAYMENTS.c.client_id.is_(None), PAYMENTS.c.status != "succeeded"),
            PAYMENTS.c.id.not_in(
                sa.select(ALLOCATIONS.c.payment_id).where(ALLOCATIONS.c.payment_id.is_not(None))
            ),
        )
    )
    with op.batch_alter_table("payments") as table:
        table.drop_constraint("fk_payments_attempt_id", type_="foreignkey")
        for name in ("attempt_id", "next_poll_at", "status_id"):
            table.drop_index(f"ix_payments_{name}")
        for name in ("attempt_id", "fee_minor", "payer", "reason", "action_url", "polls"):
            table.drop_column(name)
        table.drop_column("next_poll_at")
        table.alter_column("client_id", existing_type=Id, nullable=False)
    op.drop_table("payment_events")
    op.drop_table("attempt_documents")
    op.drop_table("payment_attempts")
    op.drop_table("payment_methods")
