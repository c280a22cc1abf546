"""Client area sign-in, sign-out and password change."""

from __future__ import annotations

from puqpanel.operations.accounts import signin
from puqpanel.web.guard import customer, find_user
from puqpanel.web.signin import Area, SignInForm, blueprint

bp = blueprint(
    Area("client", find_user, signin.sign_in_user, customer(), "client.html", SignInForm)
)
