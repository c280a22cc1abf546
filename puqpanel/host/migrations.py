"""A module's own alembic revisions: own version table, and only tables with its prefix."""

from pathlib import Path

from sqlalchemy.engine import Engine

from puqpanel.infra import migrate
from puqpanel.infra.db import release, session


def tree(folder: Path, prefix: str) -> migrate.Tree | None:
    """Return a module's revisions.

    Args:
        folder: the module's.
        prefix: of its table names.

    Returns:
        The revisions; None if it has none.
    """
    if not (folder / "migrations" / "versions").is_dir():
        return None
    return migrate.Tree(
        folder / "migrations", f"{prefix}version", lambda table: table.startswith(prefix)
    )


def upgrade(folder: Path, prefix: str) -> None:
    """Run the revisions that the database has not seen.

    Raises:
        MigrationError: if it fails.
    """
    revisions = tree(folder, prefix)
    if revisions is not None:
        release()
        migrate.upgrade(engine(), revisions)


def downgrade(folder: Path, prefix: str, to: str = "base") -> None:
    """Undo the module's revisions: its tables and their rows are gone.

    Raises:
        MigrationError: if it fails.
    """
    revisions = tree(folder, prefix)
    if revisions is not None:
        release()
        migrate.downgrade(engine(), revisions, to)


def pending(folder: Path, prefix: str) -> bool:
    """Return whether the module has revisions that the database has not seen."""
    revisions = tree(folder, prefix)
    return revisions is not None and migrate.pending(engine(), revisions)


def engine() -> Engine:
    """Return the database's engine, for connections outside the session."""
    bind = session().get_bind()
    return bind if isinstance(bind, Engine) else bind.engine
