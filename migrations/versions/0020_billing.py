"""Companies, taxes, documents, the ledger and payments, and the addresses of clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import ExactDecimal, StoredText, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CLIENT_COLUMNS = {
    "street": 200,
    "city": 100,
    "postcode": 20,
    "region": 100,
    "phone": 40,
    "buyer_kind": 40,
    "vat_number": 40,
    "vat_status": 40,
    "tax_number": 40,
    "billing_email": 254,
    "language": 35,
    "reference": 200,
}
DEFAULTS = {"buyer_kind": "consumer", "vat_status": "none"}
TABLES = (
    "entries",
    "postings",
    "allocations",
    "payments",
    "charges",
    "document_taxes",
    "document_lines",
    "documents",
    "vat_checks",
    "company_tax_rules",
    "country_taxes",
    "series",
    "companies",
)


def upgrade() -> None:
    _companies()
    _documents()
    _ledger()
    with op.batch_alter_table("clients") as table:
        for name, length in CLIENT_COLUMNS.items():
            column = sa.Column(
                name, sa.String(length), nullable=False, server_default=DEFAULTS.get(name, "")
            )
            table.add_column(column)
    clients = sa.table("clients", sa.column("company"), sa.column("buyer_kind"))
    op.execute(clients.update().where(clients.c.company != "").values(buyer_kind="business"))


def downgrade() -> None:
    with op.batch_alter_table("clients") as table:
        for name in CLIENT_COLUMNS:
            table.drop_column(name)
    for name in TABLES:
        op.drop_table(name)


def _companies() -> None:
    op.create_table(
        "companies",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("countries", sa.JSON(), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("postcode", sa.String(length=20), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("vat_number", sa.String(length=40), nullable=False),
        sa.Column("tax_number", sa.String(length=40), nullable=False),
        sa.Column("registration", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("website", sa.String(length=200), nullable=False),
        sa.Column("bank_holder", sa.String(length=200), nullable=False),
        sa.Column("bank", sa.String(length=200), nullable=False),
        sa.Column("iban", sa.String(length=34), nullable=False),
        sa.Column("bic", sa.String(length=11), nullable=False),
        sa.Column("vat_registered", sa.Boolean(), nullable=False),
        sa.Column("one_stop_shop", sa.Boolean(), nullable=False),
        sa.Column("entry", sa.String(length=40), nullable=False),
        sa.Column("proforma_first", sa.Boolean(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("due_days", sa.SmallInteger(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("logo", sa.String(length=64), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_companies"),
        sa.UniqueConstraint("is_default", name="uq_companies_is_default"),
        sa.UniqueConstraint("uuid", name="uq_companies_uuid"),
    )
    op.create_table(
        "series",
        sa.Column("id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("pattern", sa.String(length=80), nullable=False),
        sa.Column("reset", sa.String(length=40), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_series_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("company_id", "kind", name="uq_series_company_id_kind"),
    )
    op.create_table(
        "country_taxes",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("tax_class", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("rate", ExactDecimal(precision=20, scale=10), nullable=False),
        sa.Column("compound", sa.Boolean(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_country_taxes"),
        sa.UniqueConstraint(
            "country",
            "region",
            "tax_class",
            "position",
            "valid_from",
            name="uq_country_taxes_country_region_tax_class_position_valid_from",
        ),
        sa.UniqueConstraint("uuid", name="uq_country_taxes_uuid"),
    )
    op.create_table(
        "company_tax_rules",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=100), nullable=False),
        sa.Column("buyer_kind", sa.String(length=40), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["companies.id"], name="fk_company_tax_rules_company_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_company_tax_rules"),
        sa.UniqueConstraint(
            "company_id",
            "country",
            "region",
            "buyer_kind",
            name="uq_company_tax_rules_company_id_country_region_buyer_kind",
        ),
        sa.UniqueConstraint("uuid", name="uq_company_tax_rules_uuid"),
    )
    op.create_table(
        "vat_checks",
        sa.Column("id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_vat_checks_client_id"),
        sa.PrimaryKeyConstraint("id", name="pk_vat_checks"),
    )
    op.create_index("ix_vat_checks_client_id", "vat_checks", ["client_id"])


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("entry", sa.String(length=40), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("supplied_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("issued_at", UtcDateTime(), nullable=True),
        sa.Column("seller", sa.JSON(), nullable=False),
        sa.Column("buyer", sa.JSON(), nullable=False),
        sa.Column("bank", sa.JSON(), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("written_off_minor", sa.BigInteger(), nullable=False),
        sa.Column("corrects_id", ID, nullable=True),
        sa.Column("origin_id", ID, nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_documents_client_id"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_documents_company_id"),
        sa.ForeignKeyConstraint(["corrects_id"], ["documents.id"], name="fk_documents_corrects_id"),
        sa.ForeignKeyConstraint(["origin_id"], ["documents.id"], name="fk_documents_origin_id"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint(
            "company_id", "kind", "number", name="uq_documents_company_id_kind_number"
        ),
        sa.UniqueConstraint(
            "company_id", "kind", "sequence", name="uq_documents_company_id_kind_sequence"
        ),
        sa.UniqueConstraint("origin_id", name="uq_documents_origin_id"),
        sa.UniqueConstraint("uuid", name="uq_documents_uuid"),
    )
    op.create_index("ix_documents_client_id_id", "documents", ["client_id", "id"])
    op.create_index("ix_documents_corrects_id", "documents", ["corrects_id"])
    op.create_index("ix_documents_issued_on_id", "documents", ["issued_on", "id"])
    op.create_index("ix_documents_kind_id", "documents", ["kind", "id"])
    op.create_index("ix_documents_number", "documents", ["number"])
    op.create_index("ix_documents_status_due_on", "documents", ["status", "due_on"])
    op.create_index("ix_documents_status_id", "documents", ["status", "id"])
    op.create_table(
        "document_lines",
        sa.Column("id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("quantity", ExactDecimal(precision=20, scale=10), nullable=False),
        sa.Column("unit_price", ExactDecimal(precision=20, scale=10), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_position", sa.SmallInteger(), nullable=False),
        sa.Column("tax_class", sa.String(length=40), nullable=False),
        sa.Column("service_id", ID, nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("explanation", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name="fk_document_lines_document_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name="fk_document_lines_service_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_lines"),
        sa.UniqueConstraint(
            "document_id", "position", name="uq_document_lines_document_id_position"
        ),
    )
    op.create_index("ix_document_lines_service_id", "document_lines", ["service_id"])
    op.create_table(
        "document_taxes",
        sa.Column("id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("taxes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["documents.id"],
            name="fk_document_taxes_document_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_document_taxes"),
        sa.UniqueConstraint(
            "document_id", "position", name="uq_document_taxes_document_id_position"
        ),
    )
    op.create_table(
        "charges",
        sa.Column("id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_charges_document_id"),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name="fk_charges_service_id"),
        sa.PrimaryKeyConstraint("id", name="pk_charges"),
        sa.UniqueConstraint(
            "service_id",
            "kind",
            "period_start",
            "live",
            name="uq_charges_service_id_kind_period_start_live",
        ),
    )
    op.create_index("ix_charges_document_id", "charges", ["document_id"])


def _ledger() -> None:
    op.create_table(
        "payments",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("gateway", sa.String(length=120), nullable=False),
        sa.Column("outside_id", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_payments_client_id"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_payments_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("gateway", "outside_id", name="uq_payments_gateway_outside_id"),
        sa.UniqueConstraint("uuid", name="uq_payments_uuid"),
    )
    op.create_index("ix_payments_client_id_id", "payments", ["client_id", "id"])
    op.create_table(
        "allocations",
        sa.Column("id", ID, nullable=False),
        sa.Column("payment_id", ID, nullable=True),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_allocations_document_id"
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_allocations_payment_id"),
        sa.PrimaryKeyConstraint("id", name="pk_allocations"),
    )
    op.create_index("ix_allocations_document_id", "allocations", ["document_id"])
    op.create_index("ix_allocations_payment_id", "allocations", ["payment_id"])
    op.create_table(
        "postings",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("summary", StoredText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_postings_client_id"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_postings_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_postings"),
        sa.UniqueConstraint("key", name="uq_postings_key"),
    )
    op.create_index("ix_postings_client_id_id", "postings", ["client_id", "id"])
    op.create_index("ix_postings_day", "postings", ["day"])
    op.create_table(
        "entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("posting_id", ID, nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=True),
        sa.Column("gateway", sa.String(length=120), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_entries_client_id"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_entries_document_id"),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.id"], name="fk_entries_posting_id"),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
    )
    op.create_index("ix_entries_balance", "entries", ["client_id", "account", "currency", "minor"])
    op.create_index("ix_entries_document_id", "entries", ["document_id", "account", "minor"])
    op.create_index("ix_entries_posting_id", "entries", ["posting_id"])
