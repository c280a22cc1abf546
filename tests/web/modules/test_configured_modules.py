"""Gateways and senders: create, configure, reorder, enable, test and delete."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Audit, ConfiguredModule, Module, Task
from puqpanel.operations.accounts import staff
from puqpanel.operations.modules import configured_modules, lifecycle
from puqpanel.web import attention
from tests.conftest import STAFF
from tests.sample import PASSWORD, activate, write_module
from tests.web.conftest import Browser

PAY = """
    from puqpanel.sdk import Payment, Result, forms
    need = forms.validators.InputRequired

    class SettingsForm(forms.Form):
        account = forms.StringField("Account", [need("Which one?")])
        signing = forms.PasswordField("Signing words", [need()])
        sandbox = forms.BooleanField("Sandbox", default=True)
        mode = forms.SelectField("Mode", choices={"a": "A", "b": "B"})

    class Pay(Payment):
        SettingsForm = SettingsForm

        def get_client_area_html(self, data=None):
            invoice = data["invoice"]
            if self.module_data["account"] == "boom":
                raise ValueError("inner secret 4711")
            return (f"<form action='https://pay.test/'><p>{invoice.number} {invoice.due_amount} {invoice.getDueAmountAttribute()} {invoice.client.currency.code} {data['sample']}"
                    f" {len(invoice.lines)} {self.instance_uuid} {self.get_return_url()}</p><script>alert(1)</script></form>")

        def api_webhook_post(self, request):
            return "ok"

        def test_connection(self):
            account = self.module_data["account"]
            if account == "boom":
                raise ValueError("inner secret 4711")
            return Result.success("It knows 7.") if account == "7" else {"status": "error", "message": f"Nobody knows {account}."}
"""
OWN = """
    from puqpanel.sdk import Notification

    class Own(Notification):
        def getModuleData(self, data={}):
            self.module_data = {"server": data.get("server", "mail.test"), "password": data.get("password", ""), "api_key": data.get("api_key", ""), "debug": bool(data.get("debug"))}
            return self.module_data

        def getSettingsPage(self, data={}):
            if self.module_data["server"] == "boom":
                raise ValueError("inner secret 4711")
            return self.view("settings", {"data": self.module_data, "url": data["webhook_url"], "same": self.webhook_url == data["webhook_url"]})

        def testConnection(self):
            return {"success": True, "message": "Hello."}

        def send(self, data):
            return {"status": "success"}
"""
SETTINGS = """<input name="server" value="{{ data.server }}"><input name="password" type="password" value='{{ data.password }}'>
<textarea name="api_key">{{ data.api_key }}</textarea><p class="said">{{ url }} {{ same }}</p>"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    base = tmp_path / "modules"
    write_module(base, PAY, type="Payment", name="Pay")
    write_module(
        base, OWN, type="Notification", name="Own", files={"views/settings.html": SETTINGS}
    )
    return replace(settings, modules_dir=base)


class Scene:
    """A panel with both modules active, and an owner."""

    def __init__(self, live: Live) -> None:
        self.live = live
        with live.ensure().app_context():
            staff.create_staff(
                actor=AUTOMATION, email="owner@panel.test", name="Owner", password=PASSWORD
            )
            role = staff.save_role(
                actor=AUTOMATION,
                uuid=None,
                name="Reader",
                permissions=["gateways.view", "senders.view"],
            )
            staff.create_staff(
                actor=AUTOMATION,
                email="reader@panel.test",
                name="Reader",
                password=PASSWORD,
                role_uuids=[role.uuid],
            )
            activate(live.ensure(), STAFF, "Pay", "Payment")
            activate(live.ensure(), STAFF, "Own", "Notification")
        self.panel: Panel = live.ensure()
        self.owner = self.browser("owner@panel.test")

    def browser(self, email: str) -> Browser:
        return contextvars.Context().run(Browser(self.panel).sign_in, email, password=PASSWORD)

    def make(self, noun: str, title: str) -> str:
        key = "Payment/Pay" if noun == "gateways" else "Notification/Own"
        answer = self.owner.post(f"/admin/{noun}/new", {"title": title, "module": key})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"].rpartition("/")[2])

    def row(self, uuid: str) -> ConfiguredModule:
        with self.panel.app_context():
            return configured_modules.find_instance(uuid)

    def audits(self) -> list[Audit]:
        with self.panel.app_context():
            return list(
                session().scalars(
                    sa.select(Audit)
                    .where(Audit.subject_type.in_(("gateway", "sender")))
                    .order_by(Audit.id)
                )
            )


@pytest.fixture
def scene(settings: Settings) -> Iterator[Scene]:
    scene = Scene(Live(settings))
    yield scene
    dismantle(scene.panel)


def test_create_configure_and_enable_a_gateway(scene: Scene) -> None:
    assert "No gateways yet" in scene.owner.get("/admin/gateways/").text
    refused = scene.owner.post("/admin/gateways/new", {"title": " ", "module": "Payment/Pay"})
    assert refused.status_code == 422 and "Enter a name." in refused.text
    assert (
        scene.owner.post(
            "/admin/gateways/new", {"title": "X", "module": "Notification/Own"}
        ).status_code
        == 422
    )
    uuid = scene.make("gateways", "  Card <b> ")
    page = scene.owner.get(f"/admin/gateways/{uuid}").text
    assert (
        "Card &lt;b&gt;" in page
        and f"http://panel.test/webhooks/Payment/Pay/{uuid}" in page
        and "data-copy" in page
    )
    early = scene.owner.post(
        f"/admin/gateways/{uuid}/switch", {"on": "yes"}, follow_redirects=True
    ).text
    assert "Save the settings first." in early
    assert scene.row(uuid).active is False
    saved = scene.owner.post(
        f"/admin/gateways/{uuid}/settings",
        {"account": "7", "signing": "words-nobody-reads", "mode": "b"},
    )
    assert saved.status_code == 302
    assert scene.row(uuid).data == {
        "account": "7",
        "signing": "words-nobody-reads",
        "sandbox": False,
        "mode": "b",
    }
    assert (
        "Gateway Card &lt;b&gt; enabled."
        in scene.owner.post(
            f"/admin/gateways/{uuid}/switch", {"on": "yes"}, follow_redirects=True
        ).text
    )
    assert scene.row(uuid).active is True
    scene.owner.post(f"/admin/gateways/{uuid}/switch", {"on": "no"})
    assert scene.row(uuid).active is False


def test_an_invalid_setting_is_shown_at_its_field_and_not_saved(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    answer = scene.owner.post(
        f"/admin/gateways/{uuid}/settings",
        {"account": "", "signing": "words-nobody-reads", "mode": "zz"},
    )
    assert answer.status_code == 422
    assert "Which one?" in answer.text and 'aria-invalid="true"' in answer.text
    assert "words-nobody-reads" not in answer.text
    # an unchecked box stays unchecked
    assert re.search(r'<input[^>]*name="sandbox"[^>]*>', answer.text) and not re.search(
        r'<input[^>]*checked[^>]*name="sandbox"', answer.text
    )
    assert scene.row(uuid).data == {}


def test_a_blank_secret_keeps_the_stored_one_and_secrets_are_hidden(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    scene.owner.post(
        f"/admin/gateways/{uuid}/settings",
        {"account": "7", "signing": "words-nobody-reads", "mode": "b"},
    )
    page = scene.owner.get(f"/admin/gateways/{uuid}").text
    assert "words-nobody-reads" not in page and 'value="7"' in page
    scene.owner.post(
        f"/admin/gateways/{uuid}/settings", {"account": "8", "signing": "", "mode": "a"}
    )
    assert scene.row(uuid).data == {
        "account": "8",
        "signing": "words-nobody-reads",
        "sandbox": False,
        "mode": "a",
    }
    audit_text = " ".join(
        f"{entry.summary} {entry.before} {entry.after}" for entry in scene.audits()
    )
    assert "words-nobody-reads" not in audit_text and "account, mode" in audit_text
    with scene.panel.app_context():
        stored = session().scalar(sa.text("select data from instances"))
    assert "words" not in str(stored)


def test_a_custom_settings_page_does_not_get_secrets(scene: Scene) -> None:
    uuid = scene.make("senders", "Mail")
    short = "p\"'<1"
    scene.owner.post(
        f"/admin/senders/{uuid}/settings",
        {"server": "mail.test", "password": short, "api_key": "key-of-many-letters"},
    )
    assert scene.row(uuid).data == {
        "server": "mail.test",
        "password": short,
        "api_key": "key-of-many-letters",
        "debug": False,
    }
    page = scene.owner.get(f"/admin/senders/{uuid}").text
    assert (
        'value="mail.test"' in page
        and '<input name="password" type="password" value="">' in page
        and 'name="api_key"></textarea>' in page
    )
    assert f"http://panel.test/webhooks/Notification/Own/{uuid} True" in page
    moved = scene.owner.post(
        f"/admin/senders/{uuid}/settings",
        {"server": "other.test", "password": "", "api_key": "another-key"},
    )
    assert (moved.status_code, "because “server” was changed" in moved.text) == (422, True)
    scene.owner.post(
        f"/admin/senders/{uuid}/settings",
        {"server": "mail.test", "password": "", "api_key": "another-key"},
    )
    assert scene.row(uuid).data == {
        "server": "mail.test",
        "password": short,
        "api_key": "another-key",
        "debug": False,
    }


def test_a_failing_settings_page_shows_an_error_and_keeps_the_settings(scene: Scene) -> None:
    uuid = scene.make("senders", "Mail")
    scene.owner.post(f"/admin/senders/{uuid}/settings", {"server": "boom", "password": "x"})
    page = scene.owner.get(f"/admin/senders/{uuid}")
    assert page.status_code == 200 and "could not render this form" in page.text
    assert scene.row(uuid).data["server"] == "boom"


def test_order(scene: Scene) -> None:
    first, second, third = (scene.make("gateways", title) for title in ("One", "Two", "Three"))
    scene.make("senders", "Another noun")

    def titles() -> list[str]:
        return re.findall(
            r'class="name" href="/admin/gateways/[^"]+">(\w+)<',
            scene.owner.get("/admin/gateways/").text,
        )

    assert titles() == ["One", "Two", "Three"]
    scene.owner.post(f"/admin/gateways/{third}/move", {"way": "up"})
    assert titles() == ["One", "Three", "Two"]
    scene.owner.post(f"/admin/gateways/{first}/move", {"way": "down"})
    assert titles() == ["Three", "One", "Two"]
    scene.owner.post(f"/admin/gateways/{third}/move", {"way": "up"})
    scene.owner.post(f"/admin/gateways/{second}/move", {"way": "down"})
    assert titles() == ["Three", "One", "Two"]
    assert len([entry for entry in scene.audits() if entry.action == "gateway.moved"]) == 2


def test_rename_and_delete(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    assert 'value="Card"' in scene.owner.get(f"/admin/gateways/{uuid}/edit").text
    assert scene.owner.post(f"/admin/gateways/{uuid}/edit", {"title": ""}).status_code == 422
    scene.owner.post(f"/admin/gateways/{uuid}/edit", {"title": "Cards"})
    assert scene.row(uuid).title == "Cards"
    question = scene.owner.get(f"/admin/gateways/{uuid}/delete").text
    assert "Delete Cards?" in question and "webhook URL" in question
    assert scene.owner.post(f"/admin/gateways/{uuid}/delete").status_code == 302
    assert scene.owner.get(f"/admin/gateways/{uuid}").status_code == 404
    assert [entry.action for entry in scene.audits()] == [
        "gateway.created",
        "gateway.renamed",
        "gateway.deleted",
    ]
    assert "Cards" in scene.owner.get("/admin/activity/").text


def test_the_connection_test_uses_the_saved_settings(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    for account, message in (
        ("7", "Connection successful. It knows 7."),
        ("8", "Connection failed. Nobody knows 8."),
        ("boom", "Connection failed. Pay.test_connection() failed"),
    ):
        scene.owner.post(
            f"/admin/gateways/{uuid}/settings",
            {"account": account, "signing": "words", "mode": "a"},
        )
        page = scene.owner.post(f"/admin/gateways/{uuid}/test", follow_redirects=True).text
        assert message in page
    vendor = scene.make("senders", "Mail")
    assert (
        "Connection successful. Hello."
        in scene.owner.post(f"/admin/senders/{vendor}/test", follow_redirects=True).text
    )


def test_the_preview_is_inert(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    scene.owner.post(
        f"/admin/gateways/{uuid}/settings", {"account": "7", "signing": "words", "mode": "a"}
    )
    answer = scene.owner.get(f"/admin/gateways/{uuid}/preview")
    assert f"SAMPLE-0001 21.90 21.90 EUR True 2 {uuid} http://panel.test/client" in answer.text
    assert "This is a preview." in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert (
        "sandbox allow-same-origin" in policy
        and "allow-scripts" not in policy
        and "form-action 'none'" in policy
        and "script-src" not in policy
    )
    scene.owner.post(
        f"/admin/gateways/{uuid}/settings", {"account": "boom", "signing": "", "mode": "a"}
    )
    broken = scene.owner.get(f"/admin/gateways/{uuid}/preview")
    assert broken.status_code == 200 and "could not render the preview" in broken.text


@pytest.mark.parametrize("how", ["off", "gone", "restricted", "failing"])
def test_an_unavailable_module_is_explained_and_keeps_the_settings(
    scene: Scene, settings: Settings, how: str
) -> None:
    uuid = scene.make("gateways", "Card")
    scene.owner.post(
        f"/admin/gateways/{uuid}/settings", {"account": "7", "signing": "words", "mode": "a"}
    )
    scene.owner.post(f"/admin/gateways/{uuid}/switch", {"on": "yes"})
    folder = settings.modules_dir / "Payment" / "Pay"
    assert (
        "Its gateways (settings are kept): Card"
        in scene.owner.get("/admin/modules/switch/Payment/Pay/deactivate").text
    )
    with scene.panel.app_context():
        if how == "off":
            lifecycle.deactivate(
                actor=STAFF, modules_dir=settings.modules_dir, module_type="Payment", name="Pay"
            )
        elif how == "failing":
            with transaction() as current:
                current.execute(
                    sa.update(Module)
                    .where(Module.name == "Pay")
                    .values(circuit_open_reason="It failed 5 times.")
                )
        else:
            (folder / "config.py").write_text(
                "CONFIG = {'name': 'Pay', 'version': '2.0.0'}" if how == "restricted" else ""
            )
            if how == "gone":
                (folder / "Pay.py").unlink()
    scene.panel = Live(settings).ensure()
    scene.owner = scene.browser("owner@panel.test")
    message = {
        "off": "is not active",
        "gone": "failed to load",
        "restricted": "needs an update",
        "failing": "circuit breaker",
    }[how]
    for path in ("/admin/gateways/", f"/admin/gateways/{uuid}", f"/admin/gateways/{uuid}/preview"):
        page = scene.owner.get(path)
        assert page.status_code == 200 and message in page.text, path
    assert "Unavailable" in scene.owner.get("/admin/gateways/").text
    answer = scene.owner.post(
        f"/admin/gateways/{uuid}/settings", {"account": "9", "signing": "", "mode": "a"}
    )
    # settings can be changed while the circuit breaker is open
    assert (
        answer.status_code == 302
        if how == "failing"
        else (answer.status_code == 422 and "Not saved." in answer.text)
    )
    assert message in scene.owner.post(f"/admin/gateways/{uuid}/test", follow_redirects=True).text
    for path, data in (
        ("edit", {"title": "Cards"}),
        ("move", {"way": "up"}),
        ("switch", {"on": "no"}),
    ):
        assert scene.owner.post(f"/admin/gateways/{uuid}/{path}", data).status_code == 302
    row = scene.row(uuid)
    assert (row.title, row.active, row.data["account"]) == (
        "Cards",
        False,
        "9" if how == "failing" else "7",
    )
    assert scene.owner.post(f"/admin/gateways/{uuid}/delete").status_code == 302


def test_view_permission_alone_hides_the_settings(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    reader = scene.browser("reader@panel.test")
    page = reader.get(f"/admin/gateways/{uuid}").text
    assert (
        "Your role doesn't include access to the settings." in page
        and ">Enable<" not in page
        and 'name="account"' not in page
    )
    assert reader.get("/admin/gateways/").status_code == 200
    for path in ("new", f"{uuid}/edit", f"{uuid}/delete", f"{uuid}/preview"):
        assert reader.get(f"/admin/gateways/{path}").status_code == 403
    for path in ("settings", "edit", "move", "switch", "test", "delete"):
        assert reader.post(f"/admin/gateways/{uuid}/{path}").status_code == 403


def test_a_gateway_is_not_found_among_senders(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    assert scene.owner.get(f"/admin/senders/{uuid}").status_code == 404
    assert (
        scene.owner.post(f"/admin/senders/{uuid}/send", {"to": "x", "message": "y"}).status_code
        == 404
    )
    assert scene.owner.post(f"/admin/senders/{uuid}/delete").status_code == 404


def test_a_test_message_and_its_task(scene: Scene, drain: Callable[..., None]) -> None:
    uuid = scene.make("senders", "Mail")
    off = scene.owner.post(
        f"/admin/senders/{uuid}/send", {"to": "a@example.test", "message": "Hello"}
    )
    assert off.status_code == 422 and "is disabled" in off.text
    scene.owner.post(f"/admin/senders/{uuid}/switch", {"on": "yes"})
    assert (
        scene.owner.post(f"/admin/senders/{uuid}/send", {"to": "", "message": ""}).status_code
        == 422
    )
    assert (
        scene.owner.post(
            f"/admin/senders/{uuid}/send", {"to": "a@example.test", "message": "Hello"}
        ).status_code
        == 302
    )
    page = scene.owner.get(f"/admin/senders/{uuid}").text
    assert "Test of Mail" in page and f'hx-get="/admin/senders/{uuid}/live"' in page
    assert (
        scene.owner.get(f"/admin/senders/{uuid}/live").headers.get("HX-Trigger-After-Settle")
        is None
    )
    waiting = scene.owner.post(f"/admin/senders/{uuid}/delete")
    assert waiting.status_code == 409 and "unsent messages" in waiting.text
    drain(1)
    done = scene.owner.get(f"/admin/senders/{uuid}/live")
    assert "Completed" in done.text and done.headers["HX-Trigger-After-Settle"] == "pageOutdated"
    with scene.panel.app_context():
        task: Any = session().scalars(sa.select(Task)).one()
        assert (task.job, task.queue, task.tries, task.status, task.data["message"]["to"]) == (
            "NotificationJob",
            "Notification",
            3,
            "completed",
            "a@example.test",
        )
    assert scene.owner.post(f"/admin/senders/{uuid}/delete").status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_rows(
    scene: Scene, counted: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "CACHE_SECONDS", 600)
    uuids = {noun: scene.make(noun, "First") for noun in ("gateways", "senders")}

    def cost(path: str) -> int:
        scene.owner.get(path)  # fill the cache
        counted()
        assert scene.owner.get(path).status_code == 200
        return len(counted())

    before = {
        path: cost(path)
        for noun, uuid in uuids.items()
        for path in (f"/admin/{noun}/", f"/admin/{noun}/{uuid}")
    }
    for noun in uuids:
        for _ in range(5):
            scene.make(noun, "More")
    assert {path: cost(path) for path in before} == before
    assert max(before[f"/admin/{noun}/"] for noun in uuids) <= 4
    assert max(before[f"/admin/{noun}/{uuid}"] for noun, uuid in uuids.items()) <= 7, before


def test_the_form_shows_whether_a_secret_is_stored(scene: Scene) -> None:
    uuid = scene.make("gateways", "Card")
    assert (
        "Leave blank to keep the current value."
        not in scene.owner.get(f"/admin/gateways/{uuid}").text
    )
    scene.owner.post(
        f"/admin/gateways/{uuid}/settings",
        {"account": "7", "signing": "words-nobody-reads", "mode": "b"},
    )
    assert (
        "Leave blank to keep the current value." in scene.owner.get(f"/admin/gateways/{uuid}").text
    )
