"""Principals in the audit log and on tasks, and the permissions of the users of clients."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NOUNS = ("profile", "users", "services", "orders", "support")
RENAMED = {"invoices": "billing"}


def upgrade() -> None:
    for table in ("audit", "tasks"):
        with op.batch_alter_table(table) as batch:
            if table == "tasks":
                batch.add_column(sa.Column("ip", sa.String(45), nullable=False, server_default=""))
            batch.add_column(sa.Column("impersonator_id", ID, nullable=True))
            batch.add_column(
                sa.Column("impersonator_name", sa.String(200), nullable=False, server_default="")
            )
    _rename_kind("system", "automation")
    _convert(_new_keys)


def downgrade() -> None:
    _convert(_old_keys)
    _rename_kind("automation", "system")
    for table in ("tasks", "audit"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("impersonator_name")
            batch.drop_column("impersonator_id")
            if table == "tasks":
                batch.drop_column("ip")


def _rename_kind(old: str, new: str) -> None:
    for table in ("audit", "tasks", "module_log"):
        rows = sa.table(table, sa.column("actor_kind", sa.String))
        op.execute(rows.update().where(rows.c.actor_kind == old).values(actor_kind=new))


def _convert(keys) -> None:
    members = sa.table(
        "client_users",
        sa.column("client_id", sa.Integer),
        sa.column("user_id", sa.Integer),
        sa.column("permissions", sa.JSON),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(members)).all():
        changed = keys(row.permissions or [])
        if changed != row.permissions:
            connection.execute(
                members.update()
                .where(
                    members.c.client_id == row.client_id, members.c.user_id == row.user_id
                )
                .values(permissions=changed)
            )


def _new_keys(held: list[str]) -> list[str]:
    """Return `services.view` and `services.manage` for `services`; other words are kept."""
    nouns = [RENAMED.get(key, key) for key in held]
    return [
        key
        for noun in dict.fromkeys(nouns)
        for key in (
            (f"{noun}.view", f"{noun}.manage")
            if noun in (*NOUNS, *RENAMED.values())
            else (noun,)
        )
    ]


def _old_keys(held: list[str]) -> list[str]:
    """Return `services` for `services.manage`, or for `services.view` alone."""
    names = {new: old for old, new in RENAMED.items()}
    nouns = [key.removesuffix(".view").removesuffix(".manage") for key in held]
    return [names.get(noun, noun) for noun in dict.fromkeys(nouns)]
