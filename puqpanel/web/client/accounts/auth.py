"""Client area sign-in, sign-out and password change."""

from __future__ import annotations

from puqpanel.operations.accounts import signin
from puqpanel.web import own_password
from puqpanel.web.guard import customer, find_user
from puqpanel.web.signin import Area, blueprint

AREA = Area("client", find_user, signin.sign_in_user, customer, "client.html")
bp = blueprint(AREA)
own_password.install(bp, AREA)
