"""Modules: what is on disk, where each stands and why, and switching them."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.domain.module_states import MODULE_TYPES, ModuleStatus
from puqpanel.host import registry
from puqpanel.infra.settings import Settings
from puqpanel.operations.modules import configured_modules, module_list, modules
from puqpanel.web.guard import actor, allow

bp = Blueprint("modules", __name__, url_prefix="/modules")
HELD = (ModuleStatus.RESTRICTED, ModuleStatus.ERROR, ModuleStatus.FAILING)
DONE = {
    "activate": "is switched on, here and in every process.",
    "update": "was updated.",
    "deactivate": "is switched off. Its data stays.",
}


def _folder() -> Path:
    settings: Settings = current_app.extensions["puqpanel-settings"]
    return settings.modules_dir


@bp.get("/")
@allow("modules.view")
def index() -> ResponseReturnValue:
    """Everything on disk by type, with search and a choice of type."""
    found = module_list.list_modules(_folder())
    wanted, text = request.args.get("type", ""), request.args.get("q", "").strip()[:100]
    shown = [
        one
        for one in found
        if (wanted not in MODULE_TYPES or one.type == wanted) and text.lower() in _searched(one)
    ]
    loaded = registry.current().modules
    pages = {key: module for key, module in loaded.items() if module.sidebar}
    return render_template(
        "admin/modules/modules/index.html",
        groups=[(kind, list(rows)) for kind, rows in groupby(shown, key=lambda one: one.type)],
        found=found,
        shown=shown,
        held=[one for one in found if one.status in HELD and one.on],
        type=wanted,
        text=text,
        types=MODULE_TYPES,
        pages=pages,
        loaded=loaded,
    )


@bp.post("/rescan")
@allow("modules.manage")
def rescan() -> ResponseReturnValue:
    """Reads the disk again; what changed is served anew in every process."""
    changed = modules.rescan(_folder())
    flash(
        (
            "Nothing has changed on disk."
            if not changed
            else f"{changed} changed on disk; every process loads anew."
        ),
        "good",
    )
    return redirect(url_for("admin.modules.index"))


@bp.post("/switch/<type>/<name>/<any(activate, update):verb>")
@allow("modules.manage")
def switch(type: str, name: str, verb: str) -> ResponseReturnValue:
    """Switches a module on, or brings it to the version on disk."""
    return _try(type, name, verb)


@bp.post("/switch/<type>/<name>/load-again")
@allow("modules.manage")
def load_again(type: str, name: str) -> ResponseReturnValue:
    """Reads a module's files anew after they were mended."""
    one = _known(type, name)
    try:
        modules.prove(_folder(), type, name)
        modules.load_again(actor=actor(), modules_dir=_folder(), module_type=type, name=name)
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash(
            (
                f"{one.title} is loaded again in every process."
                if one.on
                else f"{one.title} loads now and can be activated."
            ),
            "good",
        )
    return redirect(url_for("admin.modules.index"))


@bp.post("/switch/<type>/<name>/let-go-on")
@allow("modules.manage")
def let_go_on(type: str, name: str) -> ResponseReturnValue:
    """Lets a module that failed again and again go on, and its tasks with it."""
    one = _known(type, name)
    try:
        modules.let_go_on(actor=actor(), module_type=type, name=name)
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash(f"{one.title} goes on, and so do its tasks.", "good")
    return redirect(url_for("admin.modules.index"))


@bp.get("/switch/<type>/<name>/deactivate")
@allow("modules.manage")
def deactivate_form(type: str, name: str) -> ResponseReturnValue:
    """The question before a module goes off."""
    one = _known(type, name)
    goes = ["Its pages, permissions, menu entries and scheduled work, in every process"]
    if one.services:
        goes.append(
            f"Managing its {one.services} services: they run on at the provider, but nothing can be"
            " done to them from here"
        )
    configured = [
        each.title for each in configured_modules.list_instances(type) if each.name == name
    ]
    if configured:
        goes.append(
            f"Its {'gateways' if type == 'Payment' else 'senders'}, which keep their settings:"
            f" {', '.join(configured)}"
        )
    return render_template(
        "admin/confirm.html",
        title=f"Switch {one.title} off?",
        button="Switch module off",
        keep="Leave it on",
        back=url_for("admin.modules.index"),
        lead="Until it is switched on again, this is gone:",
        goes=goes,
        stays=(
            "Its data stays, unless the module itself says that switching off removes it. Its"
            " waiting tasks are kept."
        ),
    )


@bp.post("/switch/<type>/<name>/deactivate")
@allow("modules.manage")
def deactivate_submit(type: str, name: str) -> ResponseReturnValue:
    """Switches a module off."""
    return _try(type, name, "deactivate")


@bp.get("/switch/<type>/<name>/purge")
@allow("modules.manage")
def purge_form(type: str, name: str) -> ResponseReturnValue:
    """The question before a module's tables are dropped; its name has to be typed."""
    return _purge(type, name)


@bp.post("/switch/<type>/<name>/purge")
@allow("modules.manage")
def purge_submit(type: str, name: str) -> ResponseReturnValue:
    """Drops a module's tables, if its name was typed."""
    if request.form.get("typed", "").strip() != name:
        return _purge(type, name, "Type the name exactly as it is written."), 422
    try:
        modules.purge(actor=actor(), modules_dir=_folder(), module_type=type, name=name)
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash(f"The data of {name} was removed.", "good")
    return redirect(url_for("admin.modules.index"))


def _purge(type: str, name: str, wrong: str = "") -> str:
    one = _known(type, name)
    return render_template(
        "admin/confirm.html",
        title=f"Remove the data of {one.title}?",
        button="Remove data",
        back=url_for("admin.modules.index"),
        typed=name,
        goes=[f"Every table of {one.title} with all that is in them: servers, credentials, usage"],
        stays="The module's files, and the panel's services, clients and log stay.",
        wrong=wrong,
    )


def _known(type: str, name: str) -> module_list.Shown:
    return next(
        (
            one
            for one in module_list.list_modules(_folder())
            if (one.type, one.name) == (type, name)
        ),
        None,
    ) or abort(404)


def _try(type: str, name: str, verb: str) -> ResponseReturnValue:
    one = _known(type, name)
    act = {
        "activate": modules.activate,
        "update": modules.update,
        "deactivate": modules.deactivate,
    }[verb]
    try:
        if verb != "deactivate":
            modules.prove(_folder(), type, name)
        act(actor=actor(), modules_dir=_folder(), module_type=type, name=name)
    except UserError as error:
        flash(str(error), "bad")
    else:
        flash(f"{one.title} {DONE[verb]}", "good")
    return redirect(url_for("admin.modules.index"))


def _searched(module: module_list.Shown) -> str:
    """Return the lower-case text in which the list's search looks."""
    config = module.config
    parts = (module.title, module.name, config("author") or "", config("description") or "")
    return " ".join(parts).lower()
