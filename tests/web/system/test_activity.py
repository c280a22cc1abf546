"""The activity log: list, entries with values before and after, links and permissions."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.permissions import EVERYTHING
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Role
from puqpanel.operations.accounts import staff
from puqpanel.operations.provisioning import services
from puqpanel.operations.system import audit
from tests.web.conftest import PASSWORD, Browser

HERE = Principal(
    PrincipalKind.STAFF, 1, "Nina Night", "203.0.113.9", permissions=frozenset({EVERYTHING})
)


def last(app: Panel, action: str) -> int:
    """Return the ID of the latest entry with an action."""
    with app.app_context():
        entry_id = session().scalar(sa.select(sa.func.max(Audit.id)).where(Audit.action == action))
        assert entry_id is not None
        return entry_id


def test_the_list_shows_actor_subject_and_ip_address(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context():
        services.rename_service(actor=HERE, uuid=shop["service"], name="<b>new</b>.example")
    page = owner.get("/admin/activity/").text
    for text in (
        "Nina Night",
        "203.0.113.9",
        "service.renamed",
        f'/admin/services/{shop["service"]}"',
        "&lt;b&gt;new&lt;/b&gt;.example</a>",
        "Signed in.",
    ):
        assert text in page, text
    assert "<b>new" not in page
    assert "berg.example" not in owner.get("/admin/activity/?by=system&about=client").text


def test_an_entry_shows_values_before_and_after_without_secrets(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context():
        with transaction():
            audit.record(
                actor=HERE,
                action="service.configured",
                subject_type="service",
                subject_uuid=shop["service"],
                summary="Saved.",
                before={"quota": 5, "password": "old-canary"},
                after={"quota": 7, "password": "new-canary", "zones": ["a", "b"]},
            )
        services.rename_service(actor=HERE, uuid=shop["service"], name="new.example")
    page = owner.get(f"/admin/activity/{last(app, 'service.renamed')}").text
    assert (">berg.example<" in page, ">new.example<" in page, ">Before<" in page) == (
        True,
        True,
        True,
    )
    page = owner.get(f"/admin/activity/{last(app, 'service.configured')}").text
    assert (
        ">5<" in page,
        ">7<" in page,
        "canary" in page,
        "[&#34;a&#34;, &#34;b&#34;]" in page,
    ) == (True, True, False, True)
    for page in ("activity", "module-log"):
        assert [
            owner.get(f"/admin/{page}/{number}").status_code for number in (0, 10**6, 2**40, 2**70)
        ] == [404] * 4


def test_timelines_link_to_all_entries(owner: Browser, shop: dict[str, str]) -> None:
    service = owner.get(f"/admin/services/{shop['service']}").text
    where = f"/admin/activity/?about=service&amp;subject={shop['service']}"
    assert where in service
    page = owner.get(where.replace("&amp;", "&")).text
    assert (
        "Web S sold to Anna Berg." in page,
        "Product Web S created." in page,
        "Subject: berg.example" in page,
    ) == (True, False, True)


def test_deleted_subjects_and_subjects_without_a_page_have_no_link(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context(), transaction():
        audit.record(
            actor=HERE,
            action="role.deleted",
            subject_type="role",
            subject_uuid="no-such-role",
            summary="Role Old removed.",
        )
        audit.record(
            actor=HERE,
            action="module.activated",
            subject_type="module",
            subject_uuid="Product/Echo",
            summary="Echo switched on.",
        )
    assert "Role Old removed." in owner.get("/admin/activity/").text
    assert ">Deleted<" in owner.get(f"/admin/activity/{last(app, 'role.deleted')}").text
    assert (
        "/admin/modules/?q=Echo"
        in owner.get(f"/admin/activity/{last(app, 'module.activated')}").text
    )


def test_the_activity_log_requires_its_permission(
    app: Panel, clerk: Browser, shop: dict[str, str]
) -> None:
    assert clerk.get("/admin/activity/").status_code == 403
    assert "/admin/activity/" not in clerk.get(f"/admin/services/{shop['service']}").text
    with app.app_context():
        with transaction() as current:
            current.add(Role(name="Auditor", permissions=["audit.view"]))
        role = session().scalar(sa.select(Role).where(Role.name == "Auditor"))
        assert role is not None
        staff.create_staff(
            actor=HERE,
            email="audit@panel.test",
            name="Aud",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    auditor = Browser(app).sign_in("audit@panel.test")
    page = auditor.get("/admin/activity/").text
    assert (
        "berg.example" in page,
        f"/admin/services/{shop['service']}" in page,
        "Activity log</span>" in page,
    ) == (True, False, True)
