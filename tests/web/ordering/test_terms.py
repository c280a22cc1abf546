"""The pages with which staff change the price and the client of a service."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Client, Service
from tests.web.conftest import Browser


def stored(app: Panel) -> tuple[int, str]:
    with app.app_context():
        query = sa.select(Service.price_minor, Client.name).join(
            Client, Client.id == Service.client_id
        )
        row = session().execute(query).one()
        return row.price_minor, row.name


def test_staff_change_price_and_client(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    at = f"/admin/services/{shop['service']}"
    page = owner.get(at).text
    assert (f"{at}/price" in page, f"{at}/transfer" in page) == (True, True)
    for data in ({"price": "abc", "reason": "x"}, {"price": "3"}, {"price": "-3", "reason": "x"}):
        assert owner.post(f"{at}/price", data).status_code == 422
    assert owner.post(f"{at}/price", {"price": "3.50", "reason": "Loyal"}).status_code == 302
    assert stored(app) == (350, "Anna Berg")
    with app.app_context():
        tom = session().scalar(sa.select(Client.uuid).where(Client.name == "Tom Other"))
        anna = session().scalar(sa.select(Client.uuid).where(Client.name == "Anna Berg"))
    found = owner.post(f"{at}/transfer", {"find": "Tom", "look": "yes"}).text
    assert str(tom) in found
    # the present client is not listed
    listed = owner.get(f"{at}/transfer").text
    assert f'value="{tom}"' in listed
    assert f'value="{anna}"' not in listed
    found = owner.get(f"/admin/pick/clients?find=test&without={anna}").text
    assert f'value="{tom}"' in found
    assert f'value="{anna}"' not in found
    assert owner.post(f"{at}/transfer", {"client": str(tom)}).status_code == 422
    owner.post(f"{at}/transfer", {"client": str(tom), "reason": "Sold"})
    assert stored(app) == (350, "Tom Other")
    page = owner.get(at).text
    assert ("Loyal" in page, "transferred from Anna Berg to Tom Other" in page) == (True, True)


def test_staff_change_until_when_a_service_is_charged(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    path = f"/admin/services/{shop['service']}/charged-until"
    assert path in owner.get(f"/admin/services/{shop['service']}").text
    for day in ("", "soon", "1900-01-01"):
        assert owner.post(path, {"day": day, "reason": "x"}).status_code == 422
    tomorrow = now().date() + timedelta(days=1)
    sent = {"day": tomorrow.isoformat(), "reason": "Paid elsewhere"}
    assert owner.post(path, sent).status_code == 302
    assert "Paid elsewhere" in owner.get(f"/admin/services/{shop['service']}").text
    with app.app_context():
        assert session().scalar(sa.select(Service.paid_until)) == tomorrow
