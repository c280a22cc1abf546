"""64-bit ids, and on MariaDB a binary collation for every text.

The tables of modules are converted too, because their foreign keys to texts of the panel require
the same collation. Downgrading leaves the collation as it is: two texts that differ now could be
equal in another one.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = {
    "audit": ("id", "actor_id", "task_id"),
    "clients": ("id",),
    "client_users": ("client_id", "user_id"),
    "generation": ("id",),
    "heartbeats": ("id",),
    "instances": ("id",),
    "module_log": ("id", "task_id"),
    "modules": ("id",),
    "products": ("id",),
    "roles": ("id",),
    "schedule": ("id", "task_id"),
    "services": ("id", "client_id", "product_id"),
    "staff": ("id",),
    "staff_roles": ("staff_id", "role_id"),
    "task_attempts": ("id", "task_id"),
    "task_tags": ("task_id",),
    "tasks": ("id", "actor_id", "after_id"),
    "users": ("id",),
}
LIMIT = 2**31 - 1
KEYS = sa.Table(
    "migration_0003",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("definition", sa.JSON, nullable=False),
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        _alter_postgresql("bigint")
    elif dialect != "sqlite":  # an INTEGER of SQLite has 64 bits
        _alter_mariadb("BIGINT", convert=True)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        return
    _check_range()
    if dialect == "postgresql":
        _alter_postgresql("integer")
    else:
        _alter_mariadb("INTEGER", convert=False)


def _check_range() -> None:
    # MariaDB would stop half-way, because it commits each statement.
    for table, columns in COLUMNS.items():
        for column in columns:
            highest = sa.func.max(sa.column(column))
            if (op.get_bind().scalar(sa.select(highest).select_from(sa.table(table))) or 0) > LIMIT:
                reason = ValueError(f"{table}.{column} has values that need 64 bits.")
                raise sa.exc.DataError("downgrade", None, reason)


def _alter_postgresql(kind: str) -> None:
    for table, columns in COLUMNS.items():
        op.execute(
            f"ALTER TABLE {table} "
            + ", ".join(f"ALTER COLUMN {column} TYPE {kind}" for column in columns)
        )
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        if "id" in columns and op.get_bind().scalar(sa.text(f"SELECT {sequence}")):
            op.execute(f"ALTER SEQUENCE {table}_id_seq AS {kind}")


def _alter_mariadb(kind: str, *, convert: bool) -> None:
    inspector = sa.inspect(op.get_bind())
    tables = [
        name
        for name in inspector.get_table_names()
        if name in COLUMNS or name == "settings" or name.startswith("mod_")
    ]
    changes = {table: _changes(inspector.get_columns(table), table, kind) for table in COLUMNS}
    texts = {table: _texts(inspector.get_columns(table)) for table in tables}
    # MariaDB changes neither the type nor the collation of a column that a foreign key uses.
    keys = _foreign_keys(inspector, tables)
    for key in keys:
        op.drop_constraint(key["name"], key["table"], type_="foreignkey")
    for table in tables:
        parts = changes.get(table, [])
        if convert:
            # a conversion from another character set widens texts
            parts = [
                *parts,
                "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                *texts[table],
            ]
        if parts:
            op.execute(f"ALTER TABLE `{table}` " + ", ".join(parts))
    for key in keys:
        op.create_foreign_key(
            key["name"],
            key["table"],
            key["referred_table"],
            key["constrained_columns"],
            key["referred_columns"],
            **key["options"],
        )
    KEYS.drop(op.get_bind())


def _foreign_keys(inspector: sa.Inspector, tables: list) -> list[dict]:
    """Return the foreign keys, also those that an earlier run dropped before it stopped."""
    connection = op.get_bind()
    KEYS.create(connection, checkfirst=True)
    stored = list(connection.scalars(sa.select(KEYS.c.definition).order_by(KEYS.c.id)))
    if stored:
        return stored
    keys = [{"table": table, **key} for table in tables for key in inspector.get_foreign_keys(table)]
    keys.sort(key=lambda key: (key["table"], key["name"]))
    connection.execute(sa.insert(KEYS), [{"definition": key} for key in keys])
    return keys


def _texts(columns: list) -> list[str]:
    return [
        f"MODIFY `{column['name']}` {column['type'].__visit_name__}"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
        + ("NULL" if column["nullable"] else "NOT NULL")
        for column in columns
        if isinstance(column["type"], mysql.TEXT | mysql.MEDIUMTEXT) and column["default"] is None
    ]


def _changes(columns: list, table: str, kind: str) -> list[str]:
    changes = []
    for column in columns:
        if column["name"] in COLUMNS[table]:
            null = "NULL" if column["nullable"] else "NOT NULL"
            auto = " AUTO_INCREMENT" if column.get("autoincrement") is True else ""
            changes.append(f"MODIFY {column['name']} {kind} {null}{auto}")
    return changes
