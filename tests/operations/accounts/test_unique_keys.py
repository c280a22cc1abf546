"""Two people give the same unique value at the same time: one gets the error by the field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.db import release, save, session, transaction
from puqpanel.models import Audit, ClientUser, Staff
from puqpanel.operations.accounts import clients, saved_views, staff
from puqpanel.operations.system import currencies
from tests.overlap import overlap
from tests.sample import PASSWORD, make_client


def accounts() -> Sequence[Staff]:
    return session().scalars(sa.select(Staff).order_by(Staff.id)).all()


def new_account(number: int) -> None:
    staff.create_staff(
        actor=AUTOMATION, email="same@panel.test", name=f"N{number}", password=PASSWORD
    )


def renamed_account(number: int) -> None:
    account = accounts()[number]
    staff.update_staff(
        actor=AUTOMATION,
        uuid=account.uuid,
        email="same@panel.test",
        name="N",
        role_uuids=[role.uuid for role in account.roles],
        active=True,
    )


def new_role(number: int) -> None:
    staff.save_role(actor=AUTOMATION, uuid=None, name="Same", permissions=[])


def new_client(number: int) -> None:
    clients.create_client(
        actor=AUTOMATION, name=f"C{number}", email="same@lumen.test", user_password=PASSWORD
    )


def new_currency(number: int) -> None:
    currencies.add_currency(actor=AUTOMATION, code="PLN")


def new_view(number: int) -> None:
    owner = accounts()[0]
    actor = Principal(PrincipalKind.STAFF, owner.id, owner.name, permissions=frozenset({"*"}))
    saved_views.save_view(actor=actor, list="clients", name="Same", query=f"q={number}")


@pytest.mark.parametrize(
    ("work", "field"),
    [
        (new_account, "email"),
        (renamed_account, "email"),
        (new_role, "name"),
        (new_client, "email"),
        (new_currency, "code"),
        (new_view, "name"),
    ],
)
def test_one_of_two_at_once_gets_the_message(
    app: Panel, work: Callable[[int], None], field: str
) -> None:
    with app.app_context():
        for number in range(2):
            staff.create_staff(
                actor=AUTOMATION, email=f"{number}@panel.test", name="N", password=PASSWORD
            )
    first, second = overlap(app, lambda: work(0), lambda: work(1))
    assert first is None
    if second is None and work is new_view:
        return  # it was the later one, and replaced the view
    assert isinstance(second, InvalidInput)
    assert list(second.errors) in ([field], ["user_password"])


def test_another_violation_is_not_called_a_taken_key(panel: Panel) -> None:
    client, _ = make_client(AUTOMATION)
    release()
    taken = InvalidInput({"email": ["x"]})
    with pytest.raises(sa.exc.IntegrityError), transaction():
        save(ClientUser(client_id=client.id, user_id=999, owner=True, permissions=[]), taken)
    assert session().scalar(sa.select(sa.func.count()).select_from(Audit))
