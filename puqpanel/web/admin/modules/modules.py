"""The module list, and activating, updating, reloading, resuming and deactivating modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.permissions import MODULES_MANAGE, MODULES_VIEW
from puqpanel.domain.texts import _, _n
from puqpanel.operations.modules import configured_modules, lifecycle, loading, module_list, parking
from puqpanel.web import look
from puqpanel.web.admin.modules.installed import MODULES, page_of
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_view import list_view

bp = Blueprint("modules", __name__, url_prefix="/modules")
ICONS = {
    "Product": "cube",
    "Plugin": "plug",
    "Payment": "credit-card",
    "Notification": "bell",
}


BUTTONS = {
    ModuleStatus.INACTIVE: (_("Activate"), "activate"),
    ModuleStatus.RESTRICTED: (_("Update to %(version)s"), "update"),
    ModuleStatus.FAILING: (_("Resume module"), "resume"),
    ModuleStatus.ERROR: (_("Reload"), "reload"),
}
"""The label and the verb of the button that moves a module out of a status."""
OPERATIONS: dict[str, Callable[..., object]] = {
    "activate": lifecycle.activate,
    "update": lifecycle.update,
    "reload": loading.reload,
    "deactivate": lifecycle.deactivate,
}


@bp.get("/")
@allow(MODULES_VIEW)
def index() -> ResponseReturnValue:
    """List the installed modules."""
    about_rows, context = page_of(_modules_dir())
    return list_view(
        MODULES,
        "modules",
        "admin/modules/modules/index.html",
        about_rows,
        type_labels=look.MODULE_TYPES,
        icon_of=lambda module: module.config("icon") or ICONS[module.type],
        buttons=BUTTONS,
        **context,
    )


@bp.post("/rescan")
@allow(MODULES_MANAGE)
def rescan() -> ResponseReturnValue:
    """Look for new and changed module files, and reload what changed in every process."""
    count = loading.rescan(actor=actor(), modules_dir=_modules_dir())
    if count == 0:
        flash(_("No changes found."), "good")
    else:
        flash(
            _n(
                "%(num)s module changed and is being reloaded.",
                "%(num)s modules changed and are being reloaded.",
                count,
            ),
            "good",
        )
    return redirect(url_for("admin.modules.index"))


@bp.post("/switch/<type>/<name>/<any(activate, update, reload, resume):verb>")
@allow(MODULES_MANAGE)
def switch(type: str, name: str, verb: str) -> ResponseReturnValue:
    """Activate a module, update it to the installed version, reload it or resume its tasks."""
    return _switch(type, name, verb)


@bp.route("/switch/<type>/<name>/deactivate", methods=["GET", "POST"])
@allow(MODULES_MANAGE)
def deactivate(type: str, name: str) -> ResponseReturnValue:
    """Deactivate a module, after a confirmation."""
    if request.method == "POST":
        return _switch(type, name, "deactivate")
    from puqpanel.host import checks  # parses sources; no other page needs it

    module = _find(type, name)
    lost = [_("Its pages, permissions, menu entries and scheduled jobs")]
    drops_data = checks.drops_data(module.folder, type, name)
    if drops_data:
        lost.append(_("The data in its tables, which the module deletes when it is deactivated"))
    if module.services:
        lost.append(
            _n(
                "Management of %(num)s service, which will keep running at the provider",
                "Management of %(num)s services, which will keep running at the provider",
                module.services,
            )
        )
    configured = [row.title for row in configured_modules.list_instances(type) if row.name == name]
    if configured:
        kind = "gateways" if type == "Payment" else "senders"
        lost.append(
            _("Its %(kind)s (settings are kept): %(items)s", kind=kind, items=", ".join(configured))
        )
    return render_template(
        "admin/confirm.html",
        title=_("Deactivate %(title)s?", title=module.title),
        button=_("Deactivate module"),
        keep=_("Keep active"),
        back=url_for("admin.modules.index"),
        lead=_("Until you activate it again, the following is unavailable:"),
        goes=lost,
        stays=_("Its queued tasks are kept.")
        if drops_data
        else _("Its data and its queued tasks are kept."),
    )


@bp.route("/switch/<type>/<name>/purge", methods=["GET", "POST"])
@allow(MODULES_MANAGE)
def purge(type: str, name: str) -> ResponseReturnValue:
    """Drop a module's tables, after a confirmation with its name typed."""
    posted = request.method == "POST"
    if posted and request.form.get("typed", "").strip() == name:
        with flashed_errors():
            lifecycle.purge(actor=actor(), modules_dir=_modules_dir(), module_type=type, name=name)
            flash(_("Data of %(name)s deleted.", name=name), "good")
        return redirect(url_for("admin.modules.index"))
    module = _find(type, name)
    page = render_template(
        "admin/confirm.html",
        title=_("Delete the data of %(title)s?", title=module.title),
        button=_("Delete data"),
        back=url_for("admin.modules.index"),
        typed=name,
        goes=[
            _(
                "All database tables of %(title)s, including servers, credentials and usage data",
                title=module.title,
            )
        ],
        stays=_("The module's files and the panel's services, clients and logs are kept."),
        wrong=_("Type the name exactly as shown.") if posted else "",
    )
    return page, 422 if posted else 200


def _switch(type: str, name: str, verb: str) -> ResponseReturnValue:
    module, modules_dir = _find(type, name), _modules_dir()
    title = module.title
    loads = _("%(name)s now loads. You can activate it.", name=title)
    message = {
        "activate": _("%(name)s activated.", name=title),
        "update": _("%(name)s updated to %(version)s.", name=title, version=module.disk),
        "reload": _("%(name)s reloaded.", name=title) if module.on else loads,
        "resume": _("%(name)s and its tasks resumed.", name=title),
        "deactivate": _("%(name)s deactivated.", name=title),
    }[verb]
    with flashed_errors():
        if verb in ("activate", "update", "reload"):
            loading.prove(modules_dir, type, name)
        if verb == "resume":
            parking.resume(actor=actor(), module_type=type, name=name)
        else:
            OPERATIONS[verb](actor=actor(), modules_dir=modules_dir, module_type=type, name=name)
        flash(message, "good")
    return redirect(url_for("admin.modules.index"))


def _modules_dir() -> Path:
    modules_dir: Path = current_app.extensions["puqpanel-settings"].modules_dir
    return modules_dir


def _find(type: str, name: str) -> module_list.Shown:
    return module_list.find_shown(_modules_dir(), type, name) or abort(404)
