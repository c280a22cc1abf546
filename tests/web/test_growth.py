"""Rows that anyone can cause are counted, bounded and deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Audit
from puqpanel.operations.accounts import passwords, signin, staff
from puqpanel.operations.oversight.maintenance import ENTRIES
from puqpanel.operations.system import audit
from puqpanel.web import limits
from tests.sample import PASSWORD


@pytest.fixture
def account(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> str:
    """The UUID of an account; passwords are checked quickly."""
    row = staff.create_staff(actor=AUTOMATION, email="o@panel.test", name="O", password=PASSWORD)
    monkeypatch.setattr(passwords, "matches", lambda hashed, password: False)
    return row.uuid


def fail(ip: str, email: str = "o@panel.test") -> None:
    with pytest.raises(UserError):
        signin.sign_in_staff(email=email, password="wrong", ip=ip)


def entries() -> list[tuple[str, str, int]]:
    release()
    query = sa.select(Audit).where(Audit.action == "staff.failed_authorization")
    rows = session().scalars(query.order_by(Audit.id))
    return [(row.subject_uuid, row.ip, (row.after or {})["attempts"]) for row in rows]


def test_failed_sign_ins_are_counted_by_account_and_network(account: str) -> None:
    for ip in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2", "192.0.2.1"):
        fail(ip)
    for n in range(3):
        fail("192.0.2.1", f"nobody{n}@panel.test")
    assert entries() == [
        (account, "192.0.2.1", 3),
        (account, "2001:db8::/64", 2),
        ("", "192.0.2.1", 3),
    ]
    assert "3 times" in str(
        session().scalars(sa.select(Audit).order_by(Audit.id.desc())).first().summary
    )  # type: ignore[union-attr]


def test_many_networks_share_an_entry(account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MAX_REFUSALS", 3)
    for n in range(9):
        fail(f"192.0.2.{n}")
    assert [count for *_, count in entries()] == [1, 1, 1, 6]
    assert entries()[-1] == ("", "", 6)


def test_only_old_refusals_are_deleted(
    account: str, panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    for n in range(5):
        fail(f"192.0.2.{n}")
    with transaction() as current:
        current.execute(sa.update(Audit).values(at=now() - timedelta(days=91)))
    fail("192.0.2.9")
    _work, prune = ENTRIES["Prune failed sign-ins"]
    assert prune(panel.settings) == 5
    assert entries() == [(account, "192.0.2.9", 1)]
    assert session().scalar(sa.select(sa.func.count()).select_from(Audit)) == 2  # and the creation


def test_few_of_many_refused_requests_are_stored(app: Panel) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        stored = [limits.worth_logging("Payment/Sample") for _ in range(300)]
    assert [n for n in stored if n] == [*range(1, 11), 16, 32, 64, 128, 256]
    with app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.2"}):
        assert limits.worth_logging("Payment/Sample") == 1
