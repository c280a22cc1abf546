"""Staff sign-in, sign-out and password change."""

from __future__ import annotations

from puqpanel.operations.accounts import signin
from puqpanel.web.guard import allow, find_staff
from puqpanel.web.signin import Area, StaffSignInForm, blueprint

bp = blueprint(
    Area("admin", find_staff, signin.sign_in_staff, allow(), "staff.html", StaffSignInForm)
)
