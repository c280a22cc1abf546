"""Staff pages for settings, one for each group, generated from the table."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import SETTINGS_VIEW
from puqpanel.domain.settings import Group
from puqpanel.domain.settings_table import GROUPS
from puqpanel.domain.texts import Text, _
from puqpanel.operations.system import audit, settings
from puqpanel.web import hosts
from puqpanel.web.forms import save_or_show
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.setting_fields import settings_form

bp = Blueprint("settings", __name__, url_prefix="/settings")


def _group(key: str) -> Group:
    return GROUPS.get(key) or abort(404)


@bp.get("/")
@allow(SETTINGS_VIEW)
def index() -> ResponseReturnValue:
    """Redirect to the first group."""
    return redirect(url_for("admin.settings.edit", key=next(iter(GROUPS))))


@bp.route("/<key>", methods=["GET", "POST"])
@allow(SETTINGS_VIEW)
def edit(key: str) -> ResponseReturnValue:
    """Show or save a group; each setting names the permission that may change it."""
    group = _group(key)
    form = settings_form(group.by_name, key)

    def save() -> tuple[Text, str]:
        if not any(can(each.permission) for each in group.settings):
            abort(403)
        values = form.typed()
        hosts.check_reachable(values)
        changed = settings.save(actor=actor(), values=values, seen=form.seen.data)
        message = _("Settings saved.") if changed else _("Nothing was changed.")
        return message, url_for("admin.settings.edit", key=key)

    return save_or_show(
        form,
        save,
        "admin/system/settings.html",
        group=group,
        tabs=[
            (each.label, url_for("admin.settings.edit", key=each.key), each.key == key)
            for each in GROUPS.values()
        ],
        problems=[each for each in form.shown.values() if each.problem],
        timeline=audit.timeline(actor(), "settings", key, 10),
    )
