"""Billing addresses and contacts of clients; the billing e-mail becomes a contact."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CHUNK = 1000
USERS = ("carts", "orders")
"""Tables that refer to an address."""
clients = sa.table(
    "clients",
    sa.column("id", Id),
    sa.column("name", sa.String),
    sa.column("language", sa.String),
    sa.column("billing_email", sa.String),
)
contacts = sa.table(
    "contacts",
    sa.column("id", Id),
    sa.column("uuid", sa.String),
    sa.column("client_id", Id),
    sa.column("name", sa.String),
    sa.column("email", sa.String),
    sa.column("language", sa.String),
    sa.column("billing", sa.Boolean),
    sa.column("technical", sa.Boolean),
    sa.column("notices", sa.Boolean),
    sa.column("created_at", UtcDateTime()),
)


def upgrade() -> None:
    op.create_table(
        "addresses",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("company", sa.String(200), nullable=False),
        sa.Column("street", sa.String(200), nullable=False),
        sa.Column("postcode", sa.String(20), nullable=False),
        sa.Column("city", sa.String(100), nullable=False),
        sa.Column("region", sa.String(100), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_addresses_client_id"),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.UniqueConstraint("uuid", name="uq_addresses_uuid"),
    )
    op.create_index("ix_addresses_client_id", "addresses", ["client_id"])
    op.create_table(
        "contacts",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("billing", sa.Boolean(), nullable=False),
        sa.Column("technical", sa.Boolean(), nullable=False),
        sa.Column("notices", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_contacts_client_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
        sa.UniqueConstraint("uuid", name="uq_contacts_uuid"),
    )
    op.create_index("ix_contacts_client_id", "contacts", ["client_id"])
    for table in USERS:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("address_id", Id))
            batch.create_index(f"ix_{table}_address_id", ["address_id"])
            batch.create_foreign_key(
                f"fk_{table}_address_id", "addresses", ["address_id"], ["id"], ondelete="SET NULL"
            )
    _keep_billing_emails()
    with op.batch_alter_table("clients") as batch:
        batch.drop_column("billing_email")
        batch.add_column(
            sa.Column("address_label", sa.String(100), nullable=False, server_default="")
        )
    with op.batch_alter_table("clients") as batch:
        batch.alter_column(
            "address_label", existing_type=sa.String(100), nullable=False, server_default=None
        )


def _keep_billing_emails() -> None:
    connection, last = op.get_bind(), 0
    columns = {column["name"] for column in sa.inspect(connection).get_columns("clients")}
    if "billing_email" not in columns:  # MariaDB: an earlier run stopped after that
        return
    kept = sa.exists().where(contacts.c.client_id == clients.c.id)
    query = sa.select(clients).where(clients.c.billing_email != "", ~kept).order_by(clients.c.id)
    while rows := connection.execute(query.where(clients.c.id > last).limit(CHUNK)).all():
        last = rows[-1].id
        values = [
            {
                "uuid": str(uuid.uuid4()),
                "client_id": row.id,
                "name": row.name,
                "email": row.billing_email,
                "language": row.language,
                "billing": True,
                "technical": False,
                "notices": False,
                "created_at": datetime.now(UTC),
            }
            for row in rows
        ]
        connection.execute(sa.insert(contacts), values)


def _restore_billing_emails() -> None:
    first = sa.select(sa.func.min(contacts.c.id)).where(contacts.c.billing.is_(True))
    query = sa.select(contacts.c.client_id, contacts.c.email)
    found = query.where(contacts.c.id.in_(first.group_by(contacts.c.client_id)))
    connection = op.get_bind()
    for row in connection.execute(found).all():
        update = sa.update(clients).where(clients.c.id == row.client_id)
        connection.execute(update.values(billing_email=row.email))


def downgrade() -> None:
    with op.batch_alter_table("clients") as batch:
        batch.drop_column("address_label")
        batch.add_column(
            sa.Column("billing_email", sa.String(254), nullable=False, server_default="")
        )
    if sa.inspect(op.get_bind()).has_table("contacts"):  # MariaDB: unless an earlier run stopped
        _restore_billing_emails()
    with op.batch_alter_table("clients") as batch:
        batch.alter_column(
            "billing_email", existing_type=sa.String(254), nullable=False, server_default=None
        )
    for table in USERS:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_address_id", type_="foreignkey")
            batch.drop_index(f"ix_{table}_address_id")
            batch.drop_column("address_id")
    op.drop_table("contacts")
    op.drop_table("addresses")
