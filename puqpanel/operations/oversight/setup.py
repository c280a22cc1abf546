"""The setup of a new panel: which steps are done, confirmed or skipped.

A step is done when the panel has what the step sets up. Staff can also confirm a step, such as one
whose defaults fit, or skip it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.permissions import SETTINGS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import save, session, transaction
from puqpanel.models import Client, Module, ModuleLog, Product, Setting
from puqpanel.operations.billing import companies, tax_tables
from puqpanel.operations.system import audit, settings

ROW = "setup.state"
"""Name of the row of `settings` with the state."""
LAST_ENTRIES = 1000
"""Number of the newest module log entries that are searched for a provider's answer."""


@dataclass(frozen=True, slots=True)
class State:
    """What staff decided.

    Args:
        confirmed: Keys of steps that staff completed.
        skipped: Keys of steps that staff skipped.
        offered: Whether a sign-in led to the setup.
        dismissed: Whether the setup is no longer shown.
    """

    confirmed: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    offered: bool = False
    dismissed: bool = False


def state() -> State:
    """Return what staff decided."""
    text = session().scalar(sa.select(Setting.value).where(Setting.name == ROW))
    try:
        stored = json.loads(text or "{}")
        return State(
            frozenset(map(str, stored.get("confirmed", ()))),
            frozenset(map(str, stored.get("skipped", ()))),
            bool(stored.get("offered")),
            bool(stored.get("dismissed")),
        )
    except (ValueError, TypeError, AttributeError):
        return State()


@transaction()
def confirm(*, actor: Principal, key: str) -> None:
    """Mark a step as completed."""
    actor.require(SETTINGS_MANAGE)
    current = _lock()
    _save(
        actor,
        replace(current, confirmed=current.confirmed | {key}, skipped=current.skipped - {key}),
        _("Setup step completed: %(key)s", key=key),
    )


@transaction()
def skip(*, actor: Principal, key: str) -> None:
    """Skip a step; it can still be completed later."""
    actor.require(SETTINGS_MANAGE)
    current = _lock()
    _save(
        actor,
        replace(current, skipped=current.skipped | {key}),
        _("Setup step skipped: %(key)s", key=key),
    )


@transaction()
def dismiss(*, actor: Principal) -> None:
    """Stop showing the setup."""
    actor.require(SETTINGS_MANAGE)
    _save(actor, replace(_lock(), offered=True, dismissed=True), _("Setup dismissed"))


@transaction()
def offer(*, actor: Principal) -> bool:
    """Return whether a sign-in leads to the setup: once, while the panel is empty."""
    actor.require(SETTINGS_MANAGE)
    current = _lock()
    if current.offered or current.dismissed or not is_empty():
        return False
    _save(actor, replace(current, offered=True), _("Setup started"))
    return True


def is_empty() -> bool:
    """Return whether the panel has neither products nor clients."""
    return not _exists(sa.select(Product.id)) and not _exists(sa.select(Client.id))


def any_saved(names: Iterable[str]) -> bool:
    """Return whether one of the settings is not at its default."""
    return any(settings.show(name).source != "default" for name in names)


def has_company() -> bool:
    """Return whether there are companies that sell, and all can issue documents."""
    found = [company for company in companies.companies() if company.active]
    complete = not any(companies.missing_details(company) for company in found)
    return bool(found) and complete and not tax_tables.missing_rates(found)


def has_product_module() -> bool:
    """Return whether a product module is active."""
    return _exists(
        sa.select(Module.id).where(Module.type == "Product", Module.status == ModuleStatus.ACTIVE)
    )


def provider_responded() -> bool:
    """Return whether a provider answered a recent request of a product module."""
    newest = sa.select(ModuleLog.action).where(
        ModuleLog.type == "Product", ModuleLog.level == "info"
    )
    entries = newest.order_by(ModuleLog.id.desc()).limit(LAST_ENTRIES).subquery()
    return _exists(
        sa.select(entries.c.action).where(entries.c.action.contains("://", autoescape=True))
    )


def has_product() -> bool:
    """Return whether there is a product."""
    return _exists(sa.select(Product.id))


def _exists(query: sa.Select[Any]) -> bool:
    return session().scalar(query.limit(1)) is not None


def _lock() -> State:
    """Lock the state until the transaction ends, so that two people's steps are both kept."""
    query = sa.select(Setting).where(Setting.name == ROW).with_for_update()
    query = query.execution_options(populate_existing=True)
    if session().scalar(query) is None:
        with contextlib.suppress(IntegrityError), transaction():
            save(Setting(name=ROW, value="{}"))
        session().scalar(query)
    return state()


def _save(actor: Principal, new: State, summary: Text | str) -> None:
    value = {
        "confirmed": sorted(new.confirmed),
        "skipped": sorted(new.skipped),
        "offered": new.offered,
        "dismissed": new.dismissed,
    }
    session().merge(Setting(name=ROW, value=json.dumps(value)))
    session().flush()
    audit.record(actor=actor, action="setup.changed", subject_type="setup", summary=summary)
