"""The list of installed modules, and what its page says about each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import url_for

from puqpanel.domain.module_states import MODULE_TYPES, ModuleStatus
from puqpanel.domain.texts import Text, _, _n
from puqpanel.host import discover, registry
from puqpanel.infra.db import session
from puqpanel.models import InstalledModule, Module, Product, Service
from puqpanel.operations.modules import installed, module_list
from puqpanel.operations.modules.module_list import ON, Shown
from puqpanel.web import look, statuses
from puqpanel.web.list_filters import Filter
from puqpanel.web.list_page import Column, Rows, Tab
from puqpanel.web.lists import Listing, Sort

UNAVAILABLE = (ModuleStatus.RESTRICTED, ModuleStatus.ERROR, ModuleStatus.FAILING)
NOTICES = 3
"""Modules that do not work and have a notice of their own above the list."""
_S, _active = ModuleStatus, Module.status == ModuleStatus.ACTIVE
_inactive = sa.func.coalesce(Module.status, _S.INACTIVE) == _S.INACTIVE
STATUS: sa.Case[str] = sa.case(
    (InstalledModule.refused, _S.ERROR),
    (sa.and_(_inactive, sa.or_(InstalledModule.invalid, Module.reason != "")), _S.ERROR),
    (_inactive, _S.INACTIVE),
    (sa.and_(_active, Module.circuit_open_reason != ""), _S.FAILING),
    else_=Module.status,
)
"""The status that `module_list` shows, without what changed since the folders were read."""
_attention = STATUS.in_(UNAVAILABLE)
_services = (
    sa.select(sa.func.count(Service.id))
    .join(Product, Product.id == Service.product_id)
    .where(
        Product.module == InstalledModule.type.concat("/").concat(InstalledModule.name),
        Service.status.in_(module_list.USING),
    )
    .correlate(InstalledModule)
    .scalar_subquery()
)

MODULES = Listing(
    sa.select(
        InstalledModule.type,
        InstalledModule.name,
        InstalledModule.title,
        Module.version,
        STATUS.label("status"),
        _services.label("services"),
    )
    .select_from(InstalledModule)
    .outerjoin(
        Module,
        sa.and_(Module.type == InstalledModule.type, Module.name == InstalledModule.name),
    )
    .where(sa.or_(~InstalledModule.missing, Module.status.in_(ON))),
    key=InstalledModule.id,
    sorts={"type": Sort(InstalledModule.place), "name": Sort(InstalledModule.title)},
    tabs={
        "all": Tab(_("All")),
        "active": Tab(statuses.status("module", _S.ACTIVE).word, STATUS == _S.ACTIVE),
        "attention": Tab(_("Needs attention"), _attention),
        "inactive": Tab(statuses.status("module", _S.INACTIVE).word, STATUS == _S.INACTIVE),
    },
    filters={
        "type": Filter(
            _("Type"),
            lambda word: InstalledModule.type == word if word in MODULE_TYPES else None,
            choices=lambda: list(look.MODULE_TYPES.items()),
        ),
        "status": Filter(
            _("Status"),
            lambda word: word == STATUS if word in set(ModuleStatus) else None,
            choices=lambda: [(word, statuses.status("module", word).word) for word in ModuleStatus],
        ),
    },
    search=InstalledModule.matches,
    columns={
        "module": Column(_("Module"), lambda row: row.title),
        "type": Column(_("Type"), lambda row: row.type),
        "name": Column(_("Name"), lambda row: row.name, export_only=True),
        "version": Column(_("Version"), lambda row: row.version or ""),
        "status": Column(_("Status"), lambda row: row.status),
        "use": Column(_("In use"), lambda row: row.services),
    },
    noun="modules",
    placeholder=_("Name, author or description"),
)


def page_of(modules_dir: Path) -> tuple[Callable[[Rows], dict[str, Any]], dict[str, Any]]:
    """Return what the page needs to know about its rows, and what it needs besides.

    Only the folders of the modules that are shown are read, and some that are new.

    Args:
        modules_dir: holds a folder for each type.
    """
    folders = discover.folders(modules_dir)
    complete = installed.pick_up(folders)

    def about(rows: Rows) -> dict[str, Any]:
        return _about(rows, modules_dir, folders)

    return about, {"summary": _summary(), "complete": complete}


def first_of(modules_dir: Path, module_type: str, most: int) -> list[Shown]:
    """Return the first modules of a type.

    Args:
        modules_dir: holds a folder for each type.
        module_type: of the modules.
        most: number of modules at most.
    """
    folders = discover.folders(modules_dir)
    installed.pick_up(folders)
    query = MODULES.select.where(InstalledModule.type == module_type)
    rows = session().execute(query.order_by(InstalledModule.place).limit(most))
    return module_list.describe(modules_dir, folders, [(row.type, row.name) for row in rows])


def _summary() -> Text:
    count, active = (
        session()
        .execute(
            sa.select(
                sa.select(sa.func.count(InstalledModule.id))
                .where(~InstalledModule.missing)
                .scalar_subquery(),
                sa.select(sa.func.count(Module.id)).where(Module.status.in_(ON)).scalar_subquery(),
            )
        )
        .one()
    )
    summary: Text = _("%(count)s installed, %(active)s active", count=count, active=active)
    return summary


def _about(
    rows: Rows, modules_dir: Path, folders: Mapping[tuple[str, str], Path]
) -> dict[str, Any]:
    broken = _broken()
    shown = {
        (module.type, module.name): module
        for module in module_list.describe(
            modules_dir,
            folders,
            dict.fromkeys((row.type, row.name) for row in (*rows, *broken)),
        )
    }
    modules = [shown[key] for row in rows if (key := (row.type, row.name)) in shown]
    noticed = [module for module in shown.values() if module.on and module.status in UNAVAILABLE]
    return {
        "groups": [(kind, list(group)) for kind, group in groupby(modules, lambda m: m.type)],
        "modules": modules,
        "notices": [(module, *_notice(module)) for module in noticed[:NOTICES]],
        "further": len(noticed) > NOTICES,
        "attention_url": url_for("admin.modules.index", tab="attention"),
        "loaded": registry.current().modules,
    }


def _broken() -> Rows:
    """Return active modules that do not work: those with a notice, and one more if there are."""
    query = MODULES.select.where(Module.status.in_(ON), _attention)
    return session().execute(query.order_by(InstalledModule.place).limit(NOTICES + 1)).all()


def _notice(row: Shown) -> tuple[str, Text, Text | str]:
    """Return tone, title and text of the notice about an active module that does not work."""
    if row.status == ModuleStatus.RESTRICTED:
        text = row.reason
        if row.services:
            text = _n(
                "%(reason)s It affects %(num)s service.",
                "%(reason)s It affects %(num)s services.",
                row.services,
                reason=row.reason,
            )
        return "warn", _("%(title)s needs an update.", title=row.title), text
    if row.status == ModuleStatus.FAILING:
        text = _(
            "%(reason)s Staff can still open its pages, but its tasks are parked. One is tried "
            "every 15 minutes. When one completes, or you resume the module, all of them run.",
            reason=row.reason,
        )
        return "bad", _("The circuit breaker of %(title)s is open.", title=row.title), text
    return "bad", _("%(title)s failed to load.", title=row.title), row.reason
