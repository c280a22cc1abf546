"""Settings that staff change while the panel runs: read and save.

A value comes from its environment variable, else from the database, else from its default. Values
are cached in the process; one small query in each request, or task, shows whether another process
saved something since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import cast

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.principals import Principal
from puqpanel.domain.settings import Definition, Kind, SettingError, Value
from puqpanel.domain.settings_table import find, names
from puqpanel.domain.texts import Text, _
from puqpanel.infra import catalogs, crypto
from puqpanel.infra.crypto import KeyFileError
from puqpanel.infra.db import (
    after_commit,
    has_session,
    in_transaction,
    release,
    session,
    transaction,
)
from puqpanel.infra.events import raise_event
from puqpanel.models import Setting
from puqpanel.models.columns import new_uuid
from puqpanel.operations.system import audit, files

log = structlog.get_logger(__name__)
VERSION = "settings.version"
"""Name of the row whose value changes with every save."""
INFO = "settings"
HIDDEN = "changed"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The saved settings at one version.

    Args:
        engine: The database they were read from.
        version: Value of the row VERSION; empty before the first save.
        stored: Name → stored text.
        values: Name → value, filled when it is first read.
    """

    engine: Engine | Connection | None = None
    version: str = ""
    stored: Mapping[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting with its value, for the page and the command line.

    Args:
        definition: The setting.
        value: The value in use.
        source: `default`, `saved` or `environment`.
        problem: Why the stored value is not used; empty if it is.
    """

    definition: Definition
    value: Value
    source: str
    problem: Text | str = ""

    @property
    def text(self) -> str:
        """The value as it is typed; a secret as dots."""
        return self.definition.text(self.value)


_overrides: Mapping[str, Value] = MappingProxyType({})
_cached = Snapshot()


def override(values: Mapping[str, Value]) -> None:
    """Set the values from the environment of this process.

    Args:
        values: Name → value, checked already.
    """
    global _overrides
    _overrides = MappingProxyType(dict(values))


def get(name: str) -> Value:
    """Return the value of a setting.

    Args:
        name: Such as `firm.name`.

    Raises:
        NotFoundError: There is no such setting.
    """
    definition = find(name)
    if name in _overrides:
        return _overrides[name]
    snapshot = _current()
    if name not in snapshot.values:
        snapshot.values[name], problem = _read(definition, snapshot.stored)
        if problem:
            log.warning("stored setting is invalid", setting=name, problem=problem)
    return snapshot.values[name]


def text(name: str) -> str:
    """Return the value of a setting that is a text of any type."""
    value = get(name)
    assert isinstance(value, str), f"{name} is not text"
    return value


def number(name: str) -> int:
    """Return the value of an integer or of a duration in its own unit."""
    value = get(name)
    assert isinstance(value, int), f"{name} is not an integer"
    return value


def duration(name: str) -> timedelta:
    """Return the value of a duration."""
    return timedelta(**{find(name).unit: number(name)})


def show(name: str) -> Shown:
    """Return a setting with its value and where it comes from."""
    definition = find(name)
    if name in _overrides:
        return Shown(definition, _overrides[name], "environment")
    stored = _current().stored
    value, problem = _read(definition, stored)
    return Shown(
        definition, value, "saved" if name in stored and not problem else "default", problem
    )


def digest(group: str) -> str:
    """Return a digest of a group's saved values, to detect concurrent changes."""
    return _digest(group, _current().stored)


def _digest(group: str, saved: Mapping[str, str]) -> str:
    stored = sorted(item for item in saved.items() if item[0].startswith(f"{group}."))
    return hashlib.sha256(json.dumps(stored).encode()).hexdigest()[:16]


@transaction()
def save(*, actor: Principal, values: Mapping[str, object], seen: str | None = None) -> list[str]:
    """Save settings.

    Args:
        actor: Who saves.
        values: Name → value, typed or checked; the bytes of an image.
        seen: `digest` of their group as the form showed it.

    Returns:
        The names of those that changed.

    Raises:
        NotFoundError: A name is unknown.
        InvalidInput: A value is invalid or overridden; the errors are by name.
        ConflictError: The group was saved by someone else since `seen`.
    """
    checked: dict[str, Value] = {}
    errors: dict[str, list[str]] = {}
    for name, value in values.items():
        definition = find(name)
        actor.require(definition.permission)
        try:
            if name in _overrides:
                raise SettingError(
                    _("Set by %(variable)s in the environment.", variable=definition.variable)
                )
            if definition.kind is Kind.IMAGE and isinstance(value, bytes):
                checked[name] = files.store_image(value)
            else:
                checked[name] = definition.check(value)
            if definition.kind is Kind.LOCALE and catalogs.find(str(checked[name])) is None:
                raise SettingError(_("The panel has no translation into this language."))
        except UserError as error:
            errors[name] = [str(error)]
    if errors:
        raise InvalidInput(errors)
    _lock()
    stored = _current().stored
    group = next(iter(checked), "").partition(".")[0]
    if seen is not None and checked and _digest(group, stored) != seen:
        raise ConflictError(
            _("Someone else changed these settings in the meantime. Reload the page and try again.")
        )
    before = {}
    for name, value in checked.items():
        current, problem = _read(find(name), stored)
        if problem or value != current:
            before[name] = current
            _store(find(name), value)
            if find(name).kind is Kind.IMAGE and current:
                files.delete_unused(str(current))
    _record(actor, before, checked)
    return list(before)


@transaction()
def unset(*, actor: Principal, name: str) -> bool:
    """Return a setting to its default; return whether it was saved.

    Raises:
        NotFoundError: There is no such setting.
    """
    definition = find(name)
    actor.require(definition.permission)
    _lock()
    stored = _current().stored
    if name not in stored:
        return False
    before, _ = _read(definition, stored)
    session().execute(sa.delete(Setting).where(Setting.name == name))
    if definition.kind is Kind.IMAGE:
        files.delete_unused(str(before))
    _record(actor, {name: before}, {name: definition.default})
    return True


def _current() -> Snapshot:
    """Return the saved settings, checked once in each session.

    While the database fails, and outside an app context, they are those read last.
    """
    global _cached
    if not has_session():
        return _cached
    info = session().info
    snapshot: Snapshot | None = info.get(INFO)
    if snapshot is not None:
        return snapshot
    try:
        snapshot = _load(_cached)
    except SQLAlchemyError as error:
        log.warning("settings cannot be read", exc_info=error)
        if not in_transaction():
            session().rollback()
            info[INFO] = _cached  # a page reads several settings, and an attempt may take seconds
        return _cached
    if not in_transaction():  # a save that may still be rolled back is not kept
        info[INFO] = _cached = snapshot
    return snapshot


def version_column() -> sa.ScalarSelect[str]:
    """Return the version of the saved settings, as a column of a query of the caller."""
    return sa.select(Setting.value).where(Setting.name == VERSION).scalar_subquery()


def use_version(version: str | None) -> None:
    """Take over what `version_column` returned, which saves this session a query."""
    global _cached
    if not in_transaction():
        session().info[INFO] = _cached = _load(_cached, version or "")


def _load(cached: Snapshot, version: str | None = None) -> Snapshot:
    """Return the saved settings; those of the cache if they are still current.

    Args:
        cached: the settings read last.
        version: the version in the database; None to query it.
    """
    current = session()
    engine = current.get_bind()
    idle = not current.in_transaction()
    # what the caller has not completed yet must not be written because a setting is read
    with current.no_autoflush:
        if version is None:
            version = current.scalar(sa.select(version_column())) or ""
        snapshot = cached
        if cached.engine is not engine or cached.version != version:
            # read after the version: what is saved in between is read again by the next request
            query = sa.select(Setting.name, Setting.value).where(Setting.name.in_(names()))
            stored = {row.name: row.value for row in current.execute(query)}
            snapshot = Snapshot(engine, version, stored)
    if idle:
        release()
    return snapshot


def _read(definition: Definition, stored: Mapping[str, str]) -> tuple[Value, Text | str]:
    """Return the saved value of a setting, or its default and why the saved one is not used."""
    if definition.name not in stored:
        return definition.default, ""
    try:
        encoded = stored[definition.name]
        if definition.secret:
            encoded = crypto.decrypt(encoded)
        return definition.check(json.loads(encoded)), ""
    except KeyFileError as error:
        return definition.default, str(error)
    except SettingError as error:
        return definition.default, str(error)
    except ValueError:
        return definition.default, _("The stored value is not JSON.")


def _store(definition: Definition, value: Value) -> None:
    encoded = json.dumps(str(value) if isinstance(value, Decimal) else value)
    row = Setting(
        name=definition.name, value=crypto.encrypt(encoded) if definition.secret else encoded
    )
    session().merge(row)
    session().flush()


def _lock() -> None:
    """Write a new version first: it makes a second save wait for this one."""
    version = new_uuid()
    current = session()
    update = sa.update(Setting).where(Setting.name == VERSION).values(value=version)
    if not cast("sa.CursorResult[object]", current.execute(update)).rowcount:
        try:
            with transaction():
                current.execute(sa.insert(Setting).values(name=VERSION, value=version))
        except IntegrityError:
            current.execute(update)
    current.info.pop(INFO, None)
    after_commit(lambda: current.info.pop(INFO, None))


def _record(actor: Principal, before: Mapping[str, Value], after: Mapping[str, Value]) -> None:
    """Add the audit entry and the event, without the values of secrets."""
    if not before:
        return
    labels = ", ".join(str(find(name).label) for name in before)
    audit.record(
        actor=actor,
        action="settings.changed",
        subject_type="settings",
        subject_uuid=next(iter(before)).partition(".")[0],
        summary=_("Settings changed: %(labels)s", labels=labels),
        before={name: _audited(name, value) for name, value in before.items()},
        after={name: _audited(name, after[name]) for name in before},
    )
    raise_event("settings.changed", {"names": ", ".join(before)})


def _audited(name: str, value: Value) -> str | int | bool:
    definition = find(name)
    if definition.secret:
        return HIDDEN
    return str(value) if isinstance(value, Decimal) else value
