"""Encryption keys: load them at start and check that they belong to the database."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from puqpanel.domain.texts import _
from puqpanel.infra import crypto
from puqpanel.infra.crypto import KeyFileError
from puqpanel.infra.db import engine_for
from puqpanel.models import Setting

CANARY = "keys.canary"
CANARY_TEXT = "puqpanel"


def open_keys(keys_dir: Path, database_url: str) -> None:
    """Load the keys for this process, creating them for a new panel.

    Args:
        keys_dir: directory of the key file.
        database_url: the panel's database; it may not exist yet.

    Raises:
        KeyFileError: the database holds secrets, but the key file is missing or does not match.
    """
    stored = stored_canary(database_url)
    path = crypto.key_file(keys_dir)
    if not path.exists():
        if stored is not None:
            raise KeyFileError(
                _(
                    "The encryption key file %(path)s is missing, but this database holds "
                    "secrets encrypted with it. Restore the file from a backup.",
                    path=path,
                )
            )
        crypto.make_keys(keys_dir)
    crypto.use_keys(keys_dir)
    if stored is not None:
        crypto.decrypt(stored)


def plant_canary(database_url: str) -> None:
    """Save an encrypted value by which later starts check the keys.

    Needs loaded keys and migrated tables.
    """
    if stored_canary(database_url) is None:
        with (
            engine_for(database_url).connect().execution_options(panel_write=True) as connection,
            connection.begin(),
        ):
            connection.execute(
                sa.insert(Setting).values(name=CANARY, value=crypto.encrypt(CANARY_TEXT))
            )


def stored_canary(database_url: str) -> str | None:
    """Return the encrypted value of `plant_canary`; None before the first start."""
    engine = engine_for(database_url)
    if (
        engine.dialect.name == "sqlite"
        and engine.url.database
        and not Path(engine.url.database).exists()
    ):
        return None
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(Setting.__tablename__):
            return None
        return connection.scalar(sa.select(Setting.value).where(Setting.name == CANARY))
