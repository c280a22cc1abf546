"""A module's own alembic revisions: its own version table, and no table but those with its
prefix.
"""

from sqlalchemy.engine import Engine

from puqpanel.host.context import table_prefix
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.loader import LoadedModule
from puqpanel.infra import migrate
from puqpanel.infra.db import release, session


def tree(module: LoadedModule | type[ModuleBase]) -> migrate.Tree | None:
    """The module's revisions, or None where it has none."""
    cls = module.cls if isinstance(module, LoadedModule) else module
    if cls.module_folder is None or not (cls.module_folder / "migrations" / "versions").is_dir():
        return None
    prefix = table_prefix(cls.module_type, cls.module_name)
    return migrate.Tree(
        cls.module_folder / "migrations", f"{prefix}version", lambda table: table.startswith(prefix)
    )


def upgrade(module: LoadedModule | type[ModuleBase]) -> None:
    """Runs what is new of the module's revisions; nothing where there are none.

    Raises MigrationError.
    """
    found = tree(module)
    if found is not None:
        release()
        migrate.upgrade(engine(), found)


def downgrade(module: LoadedModule | type[ModuleBase], to: str = "base") -> None:
    """Undoes the module's revisions: its tables and their rows are gone. Raises MigrationError."""
    found = tree(module)
    if found is not None:
        release()
        migrate.downgrade(engine(), found, to)


def pending(module: LoadedModule | type[ModuleBase]) -> bool:
    """Whether the module has revisions that the database has not seen."""
    found = tree(module)
    return found is not None and migrate.pending(engine(), found)


def engine() -> Engine:
    """The database's engine, for what needs a connection of its own."""
    bind = session().get_bind()
    return bind if isinstance(bind, Engine) else bind.engine
