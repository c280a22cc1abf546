"""The catalog: groups, prices by currency and period, and options.

The price of a product becomes a row of `prices`, with the id and the UUID of the product: a
migration that stopped half way and is repeated then makes the same rows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.domain.slugs import MAX_LENGTH, slug_of
from puqpanel.infra.db import ExactDecimal, UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PRODUCTS = sa.table(
    "products",
    *(sa.column(name) for name in ("id", "uuid", "name", "slug", "price_minor", "currency")),
    *(sa.column(name) for name in ("period", "billing_mode", "created_at")),
)
PRICES = sa.table(
    "prices",
    *(sa.column(name) for name in ("id", "uuid", "product_id", "currency", "period")),
    *(sa.column(name) for name in ("setup_minor", "recurring_minor", "valid_from")),
    sa.column("derived", sa.Boolean),
    sa.column("live", sa.Boolean),
)
SERVICES = sa.table(
    "services",
    *(sa.column(name) for name in ("product_id", "price_id", "price_minor", "currency", "period")),
)
TABLES = (
    "product_option_groups",
    "option_prices",
    "options",
    "option_groups",
    "prices",
    "product_groups",
)


def upgrade() -> None:
    _create_groups()
    _create_prices("prices", "product_id", "products")
    op.create_index("ix_prices_currency_live", "prices", ["currency", "live"])
    _create_options()
    _add_columns()
    _fill_slugs()
    op.execute(
        PRODUCTS.update().values(
            billing_mode=sa.case(
                (PRODUCTS.c.period == "one_time", "one_time"),
                (PRODUCTS.c.period == "hourly", "prepaid"),
                else_="recurring",
            )
        )
    )
    columns = PRODUCTS.c
    op.execute(
        PRICES.insert().from_select(
            [
                *("id", "uuid", "product_id", "currency", "period"),
                *("setup_minor", "recurring_minor", "valid_from", "derived", "live"),
            ],
            sa.select(
                *(columns.id, columns.uuid, columns.id, columns.currency, columns.period),
                *(sa.literal_column("0"), columns.price_minor, columns.created_at),
                *(sa.false(), sa.true()),
            ),
        )
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('prices', 'id'), (SELECT max(id) FROM prices))"
        )
    with op.batch_alter_table("services") as batch:
        batch.add_column(sa.Column("price_id", Id, nullable=True))
        batch.create_foreign_key("fk_services_price_id", "prices", ["price_id"], ["id"])
    op.execute(SERVICES.update().values(price_id=_price_of_service()))
    with op.batch_alter_table("products") as batch:
        batch.alter_column(
            "slug", existing_type=sa.String(MAX_LENGTH), existing_nullable=True, nullable=False
        )
        batch.create_unique_constraint("uq_products_slug", ["slug"])
        batch.create_foreign_key("fk_products_group_id", "product_groups", ["group_id"], ["id"])
        batch.create_index("ix_products_group_id", ["group_id"])
        for name in ("price_minor", "currency", "period"):
            batch.drop_column(name)


def downgrade() -> None:
    with op.batch_alter_table("services") as batch:
        batch.drop_constraint("fk_services_price_id", type_="foreignkey")
        batch.drop_column("price_id")
    with op.batch_alter_table("products") as batch:
        batch.add_column(
            sa.Column("price_minor", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch.add_column(sa.Column("currency", sa.String(3), nullable=False, server_default="EUR"))
        batch.add_column(
            sa.Column("period", sa.String(40), nullable=False, server_default="monthly")
        )
    _restore_prices()
    with op.batch_alter_table("products") as batch:
        batch.drop_constraint("fk_products_group_id", type_="foreignkey")
        batch.drop_index("ix_products_group_id")
        batch.drop_constraint("uq_products_slug", type_="unique")
        for name, _kind, _default in COLUMNS:
            batch.drop_column(name)
        batch.drop_column("slug")
        for name in ("price_minor", "currency", "period"):
            batch.alter_column(
                name,
                existing_type={"price_minor": sa.BigInteger(), "currency": sa.String(3)}.get(
                    name, sa.String(40)
                ),
                existing_nullable=False,
                server_default=None,
            )
    for name in TABLES:
        op.drop_table(name)


COLUMNS = (
    ("group_id", Id, None),
    ("position", sa.Integer(), "0"),
    ("hidden", sa.Boolean(), sa.false()),
    ("highlighted", sa.Boolean(), sa.false()),
    ("stock", sa.Integer(), None),
    ("tax_class", sa.String(40), "standard"),
    # until now, staff created every service at its provider themselves
    ("provisioning", sa.String(40), "by_hand"),
    ("billing_mode", sa.String(40), "recurring"),
    ("anchor_day", sa.Integer(), None),
    ("next_after", sa.Integer(), None),
    ("suspend_after_days", sa.Integer(), None),
    ("terminate_after_days", sa.Integer(), None),
    ("welcome", sa.Text(), ""),
)
"""New columns of products: name, type and the value of existing rows."""


def _create_groups() -> None:
    op.create_table(
        "product_groups",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("slug", sa.String(MAX_LENGTH), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["product_groups.id"], name=op.f("fk_product_groups_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_groups")),
        sa.UniqueConstraint("uuid", name=op.f("uq_product_groups_uuid")),
        sa.UniqueConstraint("slug", name=op.f("uq_product_groups_slug")),
    )
    op.create_index(op.f("ix_product_groups_parent_id"), "product_groups", ["parent_id"])


def _create_prices(table: str, owner: str, of: str) -> None:
    op.create_table(
        table,
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column(owner, Id, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("setup_minor", sa.BigInteger(), nullable=False),
        sa.Column("recurring_minor", sa.BigInteger(), nullable=False),
        sa.Column("derived", sa.Boolean(), nullable=False),
        sa.Column("rate", ExactDecimal(), nullable=True),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint([owner], [f"{of}.id"], name=op.f(f"fk_{table}_{owner}")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("uuid", name=op.f(f"uq_{table}_uuid")),
        sa.UniqueConstraint(owner, "currency", "period", "live", name=f"uq_{table}_live"),
    )


def _create_options() -> None:
    op.create_table(
        "option_groups",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("unit", sa.String(40), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_option_groups")),
        sa.UniqueConstraint("uuid", name=op.f("uq_option_groups_uuid")),
        sa.UniqueConstraint("key", name=op.f("uq_option_groups_key")),
    )
    op.create_table(
        "options",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("group_id", Id, nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["option_groups.id"], name=op.f("fk_options_group_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_options")),
        sa.UniqueConstraint("uuid", name=op.f("uq_options_uuid")),
        sa.UniqueConstraint("group_id", "key", name="uq_options_group_id_key"),
    )
    _create_prices("option_prices", "option_id", "options")
    op.create_table(
        "product_option_groups",
        sa.Column("product_id", Id, nullable=False),
        sa.Column("group_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_option_groups_product_id")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["option_groups.id"], name=op.f("fk_product_option_groups_group_id")
        ),
        sa.PrimaryKeyConstraint("product_id", "group_id", name=op.f("pk_product_option_groups")),
    )
    op.create_index(
        op.f("ix_product_option_groups_group_id"), "product_option_groups", ["group_id"]
    )


def _add_columns() -> None:
    with op.batch_alter_table("products") as batch:
        batch.add_column(sa.Column("slug", sa.String(MAX_LENGTH), nullable=True))
        for name, kind, default in COLUMNS:
            batch.add_column(
                sa.Column(name, kind, nullable=default is None, server_default=default)
            )


def _fill_slugs() -> None:
    """Give each product a slug: of its name, with a number if another product has it."""
    connection, taken = op.get_bind(), set[str]()
    values = []
    query = sa.select(PRODUCTS.c.id, PRODUCTS.c.name).order_by(PRODUCTS.c.id)
    for row in connection.execute(query).all():
        first = slug = slug_of(row.name)[: MAX_LENGTH - 8].strip("-") or "product"
        number = 1
        while slug in taken:
            number += 1
            slug = f"{first}-{number}"
        taken.add(slug)
        values.append({"row": row.id, "text": slug})
    if values:
        update = PRODUCTS.update().where(PRODUCTS.c.id == sa.bindparam("row"))
        connection.execute(update.values(slug=sa.bindparam("text")), values)


def _price_of_service() -> sa.ScalarSelect[int]:
    """Return the price at which a service was sold, if its product still has it."""
    return (
        sa.select(PRICES.c.id)
        .where(
            PRICES.c.product_id == SERVICES.c.product_id,
            PRICES.c.currency == SERVICES.c.currency,
            PRICES.c.period == SERVICES.c.period,
            PRICES.c.recurring_minor == SERVICES.c.price_minor,
        )
        .scalar_subquery()
    )


def _restore_prices() -> None:
    """Give each product the first of its prices that are still offered."""
    other = PRICES.alias("other")
    first = (
        sa.select(sa.func.min(other.c.id))
        .where(other.c.product_id == PRODUCTS.c.id, other.c.live.is_(sa.true()))
        .correlate(PRODUCTS)
        .scalar_subquery()
    )
    values = {
        name: sa.func.coalesce(
            sa.select(PRICES.c[column]).where(PRICES.c.id == first).scalar_subquery(), default
        )
        for name, column, default in (
            ("price_minor", "recurring_minor", 0),
            ("currency", "currency", "EUR"),
            ("period", "period", "monthly"),
        )
    }
    op.execute(PRODUCTS.update().values(values))
