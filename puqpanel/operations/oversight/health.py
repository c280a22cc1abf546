"""Health checks of `puqpanel doctor`, GET /health and the banner.

They need no app and never raise.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import PanelError
from puqpanel.domain.texts import _, _n
from puqpanel.infra import catalogs, crypto, queue, schema_revision
from puqpanel.infra.db import engine_for
from puqpanel.infra.program import PROGRAM
from puqpanel.infra.settings import Settings
from puqpanel.operations.oversight import (
    billing_checks,
    module_checks,
    ordering_checks,
    process_checks,
)
from puqpanel.operations.oversight.check import Check
from puqpanel.operations.system.keys import stored_canary

LOW, FULL = 1_000_000_000, 100_000_000
"""Free bytes on the disk below which the check warns and fails."""


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all checks."""

    checks: Sequence[Check]

    @property
    def ok(self) -> bool:
        """Whether no check failed; warnings do not count."""
        return all(check.state != "fail" for check in self.checks)

    def public(self) -> dict[str, Any]:
        """Return the public part: states only, no paths, names or versions."""
        return {
            "status": "ok" if self.ok else "fail",
            "checks": {check.name: check.state for check in self.checks},
        }

    def full(self) -> dict[str, Any]:
        """Return everything, for staff and scripts."""
        return {
            "status": "ok" if self.ok else "fail",
            "checks": [
                asdict(replace(check, text=str(check.text), remedy=str(check.remedy)))
                for check in self.checks
            ],
        }


def look(settings: Settings, names: Iterable[str] | None = None) -> Report:
    """Run the checks.

    Args:
        settings: of this process; the queue server's address must be known to infra.queue.
        names: the checks to run; all of them if None.
    """
    checks: list[Check] = []
    for name in CHECKS if names is None else names:
        failed = {check.name for check in checks if check.state == "fail"}
        checks.append(_run(name, settings, failed))
    return Report(checks)


def _run(name: str, settings: Settings, failed: Collection[str]) -> Check:
    """Run a check unless another one that it depends on has failed."""
    if name in NEED_DATABASE and "database" in failed:
        return Check(name, "fail", _("Skipped, because the database does not respond."))
    if name in NEED_TABLES and "migrations" in failed:
        return Check(name, "fail", _("Skipped, because the tables are not up to date."))
    try:
        return CHECKS[name](settings)
    except PanelError as error:
        return Check(name, "fail", str(error))
    except Exception as error:
        text = _("The check failed to run: %(cause)s", cause=_cause(error))
        return Check(name, "fail", text, _("Check the database and the log."))


def _database(settings: Settings) -> Check:
    started = time.monotonic()
    engine = engine_for(settings.database_url)
    if schema_revision.is_missing(engine):
        return Check(
            "database",
            "fail",
            _("The database does not exist yet. The panel has never been started."),
            _("Run: %(program)s up, or %(program)s db upgrade", program=PROGRAM),
        )
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(1))
    except sa.exc.SQLAlchemyError as error:
        remedy = (
            _("Start the database server or correct PUQPANEL_DATABASE_URL.")
            if engine.dialect.name != "sqlite"
            else _("Check the permissions and the disk of the instance directory.")
        )
        return Check(
            "database",
            "fail",
            _("The database does not respond: %(cause)s", cause=_cause(error)),
            remedy,
        )
    duration_ms = round((time.monotonic() - started) * 1000, 1)
    facts = {"backend": engine.dialect.name, "ms": duration_ms}
    if duration_ms > 500:
        return Check(
            "database",
            "warn",
            _(
                "The %(name)s database responds slowly (%(duration_ms)s ms).",
                name=engine.dialect.name,
                duration_ms=round(duration_ms),
            ),
            _("Check its load and the network."),
            facts,
        )
    return Check(
        "database",
        "ok",
        _(
            "The %(name)s database responds in %(duration_ms)s ms.",
            name=engine.dialect.name,
            duration_ms=round(duration_ms),
        ),
        facts=facts,
    )


def _migrations(settings: Settings) -> Check:
    engine = engine_for(settings.database_url)
    if schema_revision.is_latest(engine):
        latest = schema_revision.latest()
        return Check(
            "migrations",
            "ok",
            _("The tables are up to date (%(current)s).", current=latest),
            facts={"current": latest, "head": latest},
        )
    from puqpanel.infra import migrate

    current, newest = migrate.current(engine), migrate.head()
    facts = {"current": current, "head": newest}
    if current and not migrate.knows(current):
        return Check(
            "migrations",
            "warn",
            _(
                "The tables are at revision %(current)s, which is newer than the code of this host"
                " (%(newest)s).",
                current=current,
                newest=newest,
            ),
            _("On this host, install the version of the panel that upgraded the database."),
            facts,
        )
    text = (
        _(
            "The tables are at revision %(current)s, but the code needs %(newest)s.",
            current=current,
            newest=newest,
        )
        if current
        else _("The database is empty: the panel has never been started.")
    )
    return Check(
        "migrations",
        "fail",
        text,
        _(
            "Run: %(program)s db upgrade (`%(program)s up` does this automatically)",
            program=PROGRAM,
        ),
        facts,
    )


def _keys(settings: Settings) -> Check:
    path = crypto.key_file(settings.keys_dir)
    stored = stored_canary(settings.database_url)
    try:
        keys = crypto.read_keys(path)
        if stored is not None:
            crypto.use_keys(settings.keys_dir)
            crypto.decrypt(stored)
    except crypto.KeyFileError as error:
        return Check(
            "keys",
            "fail",
            str(error),
            _(
                "Restore %(path)s from a backup; stored secrets can't be read without it.",
                path=path,
            ),
        )
    facts = {"keys": len(keys)}
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check(
            "keys",
            "warn",
            _("%(path)s is readable by other users of this machine.", path=path),
            _("Run: chmod 600 %(path)s", path=path),
            facts,
        )
    return Check(
        "keys",
        "ok",
        _n(
            "Stored secrets can be decrypted (%(num)s key).",
            "Stored secrets can be decrypted (%(num)s keys).",
            len(keys),
        ),
        facts=facts,
    )


def _queue(settings: Settings) -> Check:
    where = (
        "PUQPANEL_REDIS_URL"
        if settings.redis_url
        else _("the embedded server, which `%(program)s up` runs", program=PROGRAM)
    )
    try:
        waiting = queue.lengths()
    except Exception as error:
        remedy = (
            _("Start the queue server or correct PUQPANEL_REDIS_URL.")
            if settings.redis_url
            else _("Run: %(program)s up", program=PROGRAM)
        )
        return Check(
            "queue",
            "fail",
            _(
                "The queue server (%(where)s) does not respond: %(cause)s. Pages work, but tasks do"
                " not run.",
                where=where,
                cause=_cause(error),
            ),
            remedy,
        )
    total = sum(waiting.values())
    return Check(
        "queue",
        "ok",
        _n(
            "The queue server responds; %(num)s task is queued.",
            "The queue server responds; %(num)s tasks are queued.",
            total,
        ),
        facts={"waiting": waiting},
    )


def _disk(settings: Settings) -> Check:
    folder = settings.instance
    free = shutil.disk_usage(folder).free
    facts = {"free": free}
    if not os.access(folder, os.W_OK):
        return Check(
            "disk",
            "fail",
            _("The instance directory %(folder)s is not writable.", folder=folder),
            _("Make the user that runs the panel its owner."),
            facts,
        )
    amount = _("%(free)s GB free", free=round(free / 1e9, 1))
    if free < LOW:
        return Check(
            "disk",
            "fail" if free < FULL else "warn",
            _("The disk with the instance directory is nearly full: %(amount)s.", amount=amount),
            _("Free up disk space."),
            facts,
        )
    return Check(
        "disk",
        "ok",
        _("The instance directory is writable, %(amount)s.", amount=amount),
        facts=facts,
    )


def _translations(settings: Settings) -> Check:
    catalogs.use(settings.instance)
    problems = catalogs.problems()
    if not problems:
        count = len(catalogs.available())
        text = _n("%(num)s language is available.", "%(num)s languages are available.", count)
        return Check("translations", "ok", text)
    path, reason = next(iter(problems.items()))
    text = _(
        "The translation file %(file)s has a problem. %(reason)s",
        file=str(path),
        reason=reason,
    )
    facts = {"problems": {str(path): str(reason) for path, reason in problems.items()}}
    return Check("translations", "warn", text, _("Correct the file or remove it."), facts)


CHECKS: dict[str, Callable[[Settings], Check]] = {
    "database": _database,
    "migrations": _migrations,
    "keys": _keys,
    "queue": _queue,
    "workers": process_checks.workers,
    "schedule": process_checks.schedule,
    "modules": module_checks.modules,
    "jobs": module_checks.jobs,
    "products": module_checks.products,
    "differences": module_checks.differences,
    "templates": billing_checks.templates,
    "taxes": billing_checks.taxes,
    "books": billing_checks.books,
    "payments": billing_checks.payments,
    "due_work": ordering_checks.due_work,
    "renewals": ordering_checks.unrenewed,
    "approvals": ordering_checks.stopped,
    "translations": _translations,
    "disk": _disk,
}


NEED_DATABASE = frozenset(
    {
        "migrations",
        "keys",
        "workers",
        "schedule",
        "modules",
        "jobs",
        "products",
        "differences",
        "templates",
        "taxes",
        "books",
        "payments",
        "due_work",
        "renewals",
        "approvals",
    }
)
NEED_TABLES = NEED_DATABASE - {"migrations"}


def _cause(error: Exception) -> str:
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
