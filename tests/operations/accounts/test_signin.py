"""Sign-in with malformed credentials."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.db import release, session
from puqpanel.models import Audit, Staff
from puqpanel.operations.accounts import passwords, signin, staff
from tests.overlap import run_beside
from tests.sample import PASSWORD


@pytest.mark.parametrize(
    "email", ["a" * 300 + "@panel.test", "a\0b@panel.test", "\udcff@panel.test", ""]
)
def test_malformed_credentials_are_rejected_like_a_wrong_password(panel: Panel, email: str) -> None:
    with pytest.raises(UserError, match="Incorrect e-mail or password"):
        signin.sign_in_staff(email=email, password="x" * 5000, ip="1" * 80)
    release()
    assert session().scalars(sa.select(Audit.action)).all() == ["staff.failed_authorization"]


@pytest.mark.parametrize("stale", [True, False])
def test_a_sign_in_does_not_undo_a_change_of_the_password_meanwhile(
    app: Panel, monkeypatch: pytest.MonkeyPatch, stale: bool
) -> None:
    new = "another long password"
    matches = passwords.matches
    with app.app_context():
        account = staff.create_staff(
            actor=AUTOMATION, email="olga@panel.test", name="Olga", password=PASSWORD
        )
    actor = Principal(PrincipalKind.STAFF, account.id, "Olga")

    def change() -> None:
        monkeypatch.setattr(passwords, "matches", matches)
        signin.change_own_password(actor=actor, current=PASSWORD, password=new)

    def verify_slowly(hashed: str | None, password: str) -> bool:
        verified = matches(hashed, password)
        run_beside(app, change)
        return verified

    monkeypatch.setattr(passwords, "matches", verify_slowly)
    monkeypatch.setattr(passwords, "stale", lambda hashed: stale)
    with app.app_context():
        with pytest.raises(ConflictError, match="changed in the meantime"):
            signin.sign_in_staff(email="olga@panel.test", password=PASSWORD, ip="192.0.2.1")
        release()
        hashed = session().scalar(sa.select(Staff.password_hash))
    assert (matches(hashed, PASSWORD), matches(hashed, new)) == (False, True)
