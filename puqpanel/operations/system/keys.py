"""The keys of stored secrets.

Opening them at start, and noticing when they are not the ones that this database was written with.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from puqpanel.infra import crypto
from puqpanel.infra.crypto import KeyFileError
from puqpanel.infra.db import engine_for
from puqpanel.models import Setting

CANARY = "keys.canary"
SONG = "puqpanel"


def open_keys(keys_dir: Path, database_url: str) -> None:
    """Open the keys for this process, making them for a panel that has no secrets yet.

    Args:
        keys_dir: where the key files lie.
        database_url: the panel's database; it may not exist yet.

    Raises:
        KeyFileError: the database holds secrets but the key file is missing or another one; the
            text names the file.
    """
    stored = _canary(database_url)
    path = crypto.key_file(keys_dir)
    if not path.exists():
        if stored is not None:
            raise KeyFileError(
                f"The encryption key file {path} is missing, and this database holds secrets"
                " written with it. Put it back from the backup."
            )
        crypto.make_keys(keys_dir)
    crypto.use_keys(keys_dir)
    if stored is not None:
        crypto.decrypt(stored)


def plant_canary(database_url: str) -> None:
    """Write the text by which later starts know that the keys belong to the database.

    Needs open keys and migrated tables.
    """
    if _canary(database_url) is None:
        with (
            engine_for(database_url).connect().execution_options(panel_write=True) as connection,
            connection.begin(),
        ):
            connection.execute(sa.insert(Setting).values(name=CANARY, value=crypto.encrypt(SONG)))


def _canary(database_url: str) -> str | None:
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
