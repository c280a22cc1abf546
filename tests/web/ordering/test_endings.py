"""Customers and staff cancel services, see when they end, and keep them."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Ending, Service
from tests.web.conftest import Browser


def put(app: Panel, **values: object) -> None:
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Service).values(status="active", **values))


def endings(app: Panel) -> list[tuple[str, str]]:
    with app.app_context():
        return [tuple(row) for row in session().execute(sa.select(Ending.status, Ending.reason))]


def test_a_user_cancels_and_keeps_a_service(app: Panel, shop: dict[str, str]) -> None:
    put(app, provision_status="completed", paid_until=now().date() + timedelta(days=20))
    anna = Browser(app).sign_in("anna@example.test", "/client")
    at = f"/client/services/{shop['service']}"
    page = anna.get(at, follow_redirects=True).text
    assert f"{at}/contract/cancel" in page and "next invoice on" in page
    assert "aren’t refunded" in anna.get(f"{at}/contract/cancel").text.replace("&#39;", "’")
    wrong = anna.post(f"{at}/contract/cancel", {"when": "never"})
    assert (wrong.status_code, endings(app)) == (422, [])
    anna.post(f"{at}/contract/cancel", {"when": "at_end", "reason": "Moving"})
    assert endings(app) == [("scheduled", "Moving")]
    page = anna.get(at, follow_redirects=True).text
    assert ("This service ends on" in page, f"{at}/contract/cancel" in page) == (True, False)
    assert "next invoice on" not in page
    assert "Ends on" in anna.get("/client/services/").text
    assert "Ends on" in anna.get("/client/").text
    assert anna.get(f"{at}/contract/cancel").status_code == 302
    anna.post(f"{at}/contract/keep")
    assert endings(app) == [("withdrawn", "Moving")]
    assert "This service ends on" not in anna.get(at, follow_redirects=True).text


def test_services_of_others_are_not_found(app: Panel, shop: dict[str, str]) -> None:
    put(app, provision_status="completed")
    tom = Browser(app).sign_in("tom@example.test", "/client")
    for address in ("cancel", "keep"):
        at = f"/client/services/{shop['service']}/contract/{address}"
        assert tom.post(at, {"when": "at_once"}).status_code == 404
    assert endings(app) == []


def test_staff_end_a_service_with_a_reason(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    put(app, provision_status="completed", paid_until=now().date() + timedelta(days=20))
    at = f"/admin/services/{shop['service']}"
    page = owner.get(at).text
    assert f"{at}/end" in page and "Next invoice" in page
    assert owner.post(f"{at}/end", {"when": "at_end"}).status_code == 422
    owner.post(f"{at}/end", {"when": "at_end", "reason": "Asked by phone"})
    page = owner.get(at).text
    assert ("Asked by phone" in page, f"{at}/end" in page, "Ends on" in page) == (
        True,
        False,
        True,
    )
    assert shop["service"] in owner.get("/admin/services/?tab=ending").text
    owner.post(f"{at}/keep")
    assert endings(app) == [("withdrawn", "Asked by phone")]
    assert shop["service"] not in owner.get("/admin/services/?tab=ending").text
