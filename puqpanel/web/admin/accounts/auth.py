"""Staff sign-in, sign-out and password change."""

from __future__ import annotations

from puqpanel.operations.accounts import signin
from puqpanel.web import own_password
from puqpanel.web.guard import allow, find_staff
from puqpanel.web.signin import Area, blueprint

AREA = Area("admin", find_staff, signin.sign_in_staff, allow(), "staff.html")
bp = blueprint(AREA)
own_password.install(bp, AREA)
