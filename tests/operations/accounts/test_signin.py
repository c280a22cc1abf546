"""Sign-in with malformed credentials."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.infra.db import release, session
from puqpanel.models import Audit
from puqpanel.operations.accounts import signin


@pytest.mark.parametrize(
    "email", ["a" * 300 + "@panel.test", "a\0b@panel.test", "\udcff@panel.test", ""]
)
def test_malformed_credentials_are_rejected_like_a_wrong_password(panel: Panel, email: str) -> None:
    with pytest.raises(UserError, match="Incorrect e-mail or password"):
        signin.sign_in_staff(email=email, password="x" * 5000, ip="1" * 80)
    release()
    assert session().scalars(sa.select(Audit.action)).all() == ["staff.failed_authorization"]
