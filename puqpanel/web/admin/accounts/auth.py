"""Staff sign-in, sign-out and password change."""

from __future__ import annotations

from flask import url_for

from puqpanel.domain.permissions import SETTINGS_MANAGE
from puqpanel.operations.accounts import signin
from puqpanel.operations.oversight import setup
from puqpanel.web.guard import actor, allow, can, find_staff
from puqpanel.web.signin import Area, StaffSignInForm, blueprint


def _landing() -> str:
    """Return the setup, once on an empty panel, or else the dashboard."""
    if can(SETTINGS_MANAGE) and setup.offer(actor=actor()):
        return url_for("admin.setup.index")
    return "/admin"


bp = blueprint(
    Area(
        "admin",
        find_staff,
        signin.sign_in_staff,
        allow(),
        "staff.html",
        StaffSignInForm,
        _landing,
    )
)
