"""Pages of sessions: one's own, of a staff member, and of a client's user."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import session
from puqpanel.models import Audit, Staff, User
from tests.web.conftest import Browser

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"


def session_ids(page: str) -> list[str]:
    return re.findall(r'name="session" value="([^"]+)"', page)


def actions(app: Panel) -> list[tuple[str, str]]:
    with app.app_context():
        rows = session().execute(sa.select(Audit.action, Audit.subject_type).order_by(Audit.id))
        return [(row[0], row[1]) for row in rows if row[0].endswith("sessions_ended")]


@pytest.mark.parametrize(
    ("area", "email", "kind"),
    [("/admin", "owner@panel.test", "staff"), ("/client", "anna@example.test", "user")],
)
def test_people_end_their_other_sessions(
    app: Panel, owner: Browser, shop: dict[str, str], area: str, email: str, kind: str
) -> None:
    here, one, two = (Browser(app).sign_in(email, area) for _ in range(3))
    one.http.environ_base["HTTP_USER_AGENT"] = FIREFOX
    one.sign_in(email, area)
    page = here.get(area + "/security").text
    assert page.count("This session") == 1 and "Firefox on Windows" in page
    assert "Unknown device" in page
    ids = session_ids(page)
    assert here.post(area + "/security/end", {"session": ids[0]}).status_code == 302
    assert one.get(area + "/").status_code == 302
    assert two.get(area + "/").status_code == 200
    here.post(area + "/security/end")
    assert two.get(area + "/").status_code == 302
    assert session_ids(here.get(area + "/security").text) == []
    assert actions(app) == [(f"{kind}.sessions_ended", kind)] * 2


@pytest.mark.parametrize("uuid", ["x", "00000000-0000-4000-8000-000000000000", "x" * 5000])
def test_a_session_that_is_not_theirs_is_404(
    app: Panel, owner: Browser, shop: dict[str, str], uuid: str
) -> None:
    assert owner.post("/admin/security/end", {"session": uuid}).status_code == 404
    user = Browser(app).sign_in("anna@example.test", "/client")
    other = Browser(app).sign_in("anna@example.test", "/client")
    theirs = session_ids(user.get("/client/security").text)[0]
    assert owner.post("/admin/security/end", {"session": theirs}).status_code == 404
    assert other.get("/client/").status_code == 200


def test_staff_see_and_end_sessions_of_users_and_staff(
    app: Panel, clerk: Browser, shop: dict[str, str]
) -> None:
    owner = Browser(app).sign_in("owner@panel.test")
    user = Browser(app).sign_in("anna@example.test", "/client")
    with app.app_context():
        account = session().scalar(sa.select(Staff.uuid).where(Staff.email == "clerk@panel.test"))
        person = session().scalar(sa.select(User.uuid).where(User.email == "anna@example.test"))
    pages = (
        f"/admin/staff/{account}/sessions",
        f"/admin/clients/{shop['client']}/users/{person}/sessions",
    )
    for path, browser, area in zip(pages, (clerk, user), ("/admin/", "/client/"), strict=True):
        assert clerk.get(path).status_code in (302, 403)
        assert len(session_ids(owner.get(path).text)) == 1
        assert browser.get(area).status_code == 200
        assert owner.post(path).status_code == 302
        assert browser.get(area).status_code == 302
        assert session_ids(owner.get(path).text) == []
    assert actions(app) == [("staff.sessions_ended", "staff"), ("user.sessions_ended", "client")]
