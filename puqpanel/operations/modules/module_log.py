"""The module log: read and prune it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.models import ModuleLog

BATCH = 2000


def newest(key: str, *, level: str = "", limit: int = 50) -> Sequence[ModuleLog]:
    """Return the newest entries of a module, oldest first.

    Args:
        key: the module's key.
        level: info, error or debug; all of them if empty.
        limit: maximum number of entries.
    """
    module_type, _, name = key.partition("/")
    query = sa.select(ModuleLog).where(ModuleLog.type == module_type, ModuleLog.name == name)
    if level:
        query = query.where(ModuleLog.level == level)
    return session().scalars(query.order_by(ModuleLog.id.desc()).limit(limit)).all()[::-1]


def prune(days: int) -> int:
    """Delete one batch of entries older than `days`; 0 keeps everything.

    Returns:
        The number of deleted entries.
    """
    if not days:
        return 0
    old = (
        session()
        .scalars(
            sa.select(ModuleLog.id)
            .where(ModuleLog.at < now() - timedelta(days=days))
            .order_by(ModuleLog.id)
            .limit(BATCH)
        )
        .all()
    )
    release()
    if old:
        write(sa.delete(ModuleLog).where(ModuleLog.id.in_(old)))
    return len(old)
