"""Sessions as rows: limits, ends, renewal and hostile cookies."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, write
from puqpanel.models import AccountSession, Audit, Role, Staff, User
from puqpanel.operations.accounts import session_limits, session_pruning, sessions, staff
from tests.web.conftest import PASSWORD, Browser

NAMES = {"/admin": "panel_staff", "/client": "panel_customer"}


def rows(app: Panel) -> list[AccountSession]:
    with app.app_context():
        return list(session().scalars(sa.select(AccountSession).order_by(AccountSession.id)))


def change(app: Panel, **values: Any) -> None:
    with app.app_context():
        write(sa.update(AccountSession).values(**values))


def stolen(app: Panel, browser: Browser, area: str = "/admin") -> Browser:
    """A browser with a copy of another's cookie."""
    cookie = browser.http.get_cookie(NAMES[area], path=area)
    assert cookie is not None
    thief = Browser(app)
    thief.http.set_cookie(NAMES[area], cookie.value, path=area)
    return thief


def test_a_stolen_cookie_is_dead_after_sign_out(app: Panel, owner: Browser) -> None:
    thief = stolen(app, owner)
    assert thief.get("/admin/").status_code == 200
    owner.post("/admin/signout")
    assert thief.get("/admin/").status_code == 302
    (row,) = rows(app)
    assert row.end_reason == "signed_out" and row.ended_at is not None


def test_the_row_has_no_id_that_signs_in(app: Panel, owner: Browser) -> None:
    with owner.http.session_transaction(base_url="http://localhost", path="/admin") as cookie:
        token = cookie["_user_id"]
    (row,) = rows(app)
    assert token not in repr(vars(row)) and len(row.token_hash) == 64


def test_each_limit_ends_a_session(app: Panel, owner: Browser) -> None:
    change(app, seen_at=now() - session_limits.idle_limit("staff") + timedelta(minutes=1))
    assert owner.get("/admin/").status_code == 200
    change(app, seen_at=now() - session_limits.idle_limit("staff"))
    assert owner.get("/admin/").status_code == 302
    change(app, seen_at=now(), expires_at=now())
    assert owner.get("/admin/").status_code == 302
    with app.app_context():
        session_pruning.prune()
    assert rows(app)[0].end_reason == "expired"


def test_only_users_who_stay_signed_in_have_no_idle_limit(app: Panel, shop: dict[str, str]) -> None:
    data = {"email": "anna@example.test", "password": PASSWORD}
    here, there = Browser(app), Browser(app)
    here.post("/client/signin", data)
    there.post("/client/signin", {**data, "keep": "y"})
    change(app, seen_at=now() - timedelta(hours=25))
    assert here.get("/client/").status_code == 302
    assert there.get("/client/").status_code == 200
    with app.app_context():
        session_pruning.prune()
    assert [row.end_reason for row in rows(app)] == ["idle", None]
    change(app, expires_at=now())
    assert there.get("/client/").status_code == 302


def test_only_users_who_stay_signed_in_exceed_a_day(app: Panel, shop: dict[str, str]) -> None:
    data = {"email": "anna@example.test", "password": PASSWORD}
    Browser(app).post("/client/signin", data)
    Browser(app).post("/client/signin", {**data, "keep": "y"})
    lasting = [round((row.expires_at - now()) / timedelta(hours=1)) for row in rows(app)]
    assert lasting == [24, 14 * 24]


def test_a_session_is_written_once_a_minute(app: Panel, owner: Browser, counted: Any) -> None:
    def updates() -> int:
        return sum("UPDATE sessions" in statement for statement in counted())

    owner.get("/admin/")
    updates()
    owner.get("/admin/")
    assert updates() == 0
    change(app, seen_at=now() - timedelta(seconds=61))
    updates()
    owner.get("/admin/", headers={"HX-Request": "true"})
    assert updates() == 0, "an open page must not keep a session alive"
    owner.get("/admin/")
    owner.get("/admin/")
    assert updates() == 1


def test_a_clock_that_was_set_back_neither_ends_nor_extends_a_session(
    app: Panel, owner: Browser
) -> None:
    change(app, seen_at=now() + timedelta(days=400))
    assert owner.get("/admin/").status_code == 200
    assert abs(rows(app)[0].seen_at - now()) < timedelta(minutes=1)


@pytest.mark.parametrize("token", ["x", "x" * 8000, "\udcff", "1", "staff:1:0", None, 7, ["a"]])
def test_a_garbage_id_is_no_session(app: Panel, owner: Browser, token: Any) -> None:
    with owner.http.session_transaction(base_url="http://localhost", path="/admin") as cookie:
        cookie["_user_id"] = token
    assert owner.get("/admin/").status_code == 302


def test_an_id_of_the_other_area_is_refused(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with owner.http.session_transaction(base_url="http://localhost", path="/admin") as cookie:
        token = cookie["_user_id"]
    owner.sign_in("anna@example.test", "/client")
    with owner.http.session_transaction(base_url="http://localhost", path="/client") as cookie:
        cookie["_user_id"] = token
    assert owner.get("/client/").status_code == 302
    assert owner.get("/admin/").status_code == 200


def test_the_session_of_a_deleted_person_is_refused(app: Panel, owner: Browser) -> None:
    with app.app_context():
        write(sa.delete(Staff))
    assert owner.get("/admin/").status_code == 302
    assert rows(app) == []


def test_sign_in_gives_a_new_id_and_ends_the_previous_session(app: Panel, owner: Browser) -> None:
    fixed = stolen(app, owner)
    owner.http.get("/admin/")
    owner.post("/admin/signin", {"email": "owner@panel.test", "password": PASSWORD})
    assert owner.get("/admin/").status_code == 200
    assert fixed.get("/admin/").status_code == 302
    assert [row.end_reason for row in rows(app)] == ["signed_in_again", None]


def test_a_new_password_renews_the_own_id(app: Panel, owner: Browser) -> None:
    copy, other = stolen(app, owner), Browser(app).sign_in("owner@panel.test")
    fresh = "another good one"
    owner.post("/admin/password", {"current": PASSWORD, "password": fresh, "repeat": fresh})
    assert owner.get("/admin/").status_code == 200
    assert copy.get("/admin/").status_code == 302
    assert other.get("/admin/").status_code == 302
    assert [row.end_reason for row in rows(app)] == [None, "password_changed"]


def test_a_change_of_rights_ends_sessions_and_renews_the_own_id(app: Panel, clerk: Browser) -> None:
    owner = Browser(app).sign_in("owner@panel.test")
    copy = stolen(app, owner)
    with app.app_context():
        role = session().scalar(sa.select(Role).where(Role.name == "Clerk"))
        assert role is not None
        uuid = role.uuid
    edit = f"/admin/staff/roles/{uuid}"
    owner.post(edit, {"name": "Clerks", "permissions": "services.view"})
    assert clerk.get("/admin/services/").status_code == 200, "the rights are the same"
    owner.post(edit, {"name": "Clerk", "permissions": ["services.view", "clients.view"]})
    assert clerk.get("/admin/services/").status_code == 302
    assert owner.get("/admin/").status_code == 200
    assert copy.get("/admin/").status_code == 200, "the rights of the owner are the same"
    with app.app_context():
        account = session().scalar(sa.select(Staff).where(Staff.email == "owner@panel.test"))
        assert account is not None
        own, roles = f"/admin/staff/{account.uuid}/edit", [each.uuid for each in account.roles]
    data = {"name": "Olga", "email": "owner@panel.test", "active": "y", "roles": roles}
    owner.post(own, data)
    assert copy.get("/admin/").status_code == 200
    owner.post(own, {**data, "password": "another good one"})
    assert owner.get("/admin/").status_code == 200
    assert copy.get("/admin/").status_code == 302
    copy = stolen(app, owner)
    with app.app_context():
        manager = staff.save_role(
            actor=AUTOMATION, uuid=None, name="Manager", permissions=["staff.manage"]
        )
    owner.post(own, {**data, "roles": [manager.uuid]})
    assert owner.get("/admin/").status_code == 200
    assert copy.get("/admin/").status_code == 302
    assert rows(app)[0].end_reason == "rights_changed"


def test_a_deactivated_account_has_no_sessions(app: Panel, clerk: Browser) -> None:
    with app.app_context():
        account = session().scalar(sa.select(Staff).where(Staff.email == "clerk@panel.test"))
        assert account is not None
        staff.update_staff(
            actor=AUTOMATION,
            uuid=account.uuid,
            email=account.email,
            name=account.name,
            role_uuids=[role.uuid for role in account.roles],
            active=False,
        )
    assert clerk.get("/admin/").status_code == 302
    assert rows(app)[0].end_reason == "deactivated"


def test_two_sign_outs_at_once_are_recorded_once(app: Panel, owner: Browser) -> None:
    token = owner.token("/admin")
    copies, barrier, codes = [owner, stolen(app, owner)], threading.Barrier(2), []

    def leave(browser: Browser) -> None:
        barrier.wait()
        codes.append(browser.http.post("/admin/signout", data={"csrf_token": token}).status_code)

    threads = [threading.Thread(target=leave, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [302, 302]
    with app.app_context():
        query = sa.select(sa.func.count()).where(Audit.action == "staff.signed_out")
        assert session().scalar(query) == 1


def test_ten_thousand_sessions_of_one_user(app: Panel, shop: dict[str, str], counted: Any) -> None:
    with app.app_context():
        user = session().scalar(sa.select(User).where(User.email == "anna@example.test"))
        assert user is not None
        moment = now()
        release()
        values = [
            {
                "uuid": f"{number:036}",
                "token_hash": f"{number:064}",
                "area": "customer",
                "user_id": user.id,
                "keep": True,
                "created_at": moment,
                "seen_at": moment,
                "expires_at": moment + timedelta(days=1),
                "ip": "",
                "user_agent": "",
            }
            for number in range(10_000)
        ]
        from puqpanel.infra.db import transaction

        with transaction() as current:
            current.execute(sa.insert(AccountSession), values)
    browser = Browser(app).sign_in("anna@example.test", "/client")
    assert browser.get("/client/").status_code == 200
    with app.app_context():
        live, more = sessions.live(session().get_one(User, user.id))
        assert len(live) == sessions.PAGE_SIZE and more
        query = sa.select(sa.func.count()).where(AccountSession.ended_at.is_(None))
        assert session().scalar(query) == session_limits.MAX_LIVE
