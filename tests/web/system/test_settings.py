"""The pages of settings: who may change what, errors, overrides and simultaneous changes."""

from __future__ import annotations

import io
import re

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain import settings_table
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.settings import Definition, Group, Kind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Setting
from puqpanel.operations.accounts import staff
from puqpanel.operations.system import settings
from tests.domain.test_images import SVG, png
from tests.web.conftest import PASSWORD, Browser

SMS = Group(
    "sms",
    "SMS",
    "A group of a later version.",
    (
        Definition("sms.token", Kind.SECRET, "Token"),
        Definition("sms.share", Kind.DECIMAL, "Share", "1"),
        Definition("sms.active", Kind.BOOLEAN, "Active", default=False),
        Definition("sms.route", Kind.CHOICE, "Route", "a", choices=(("a", "Fast"), ("b", "Cheap"))),
        Definition("sms.country", Kind.COUNTRY, "Country"),
        Definition("sms.price", Kind.INTEGER, "Price", 1, maximum=9, permission="gateways.manage"),
    ),
)


def _form(browser: Browser, key: str) -> dict[str, str]:
    """Return what a browser submits if nothing is changed."""
    page = browser.get(f"/admin/settings/{key}").text
    form = page.partition('enctype="multipart/form-data"')[2].partition("</form>")[0]
    values = dict(re.findall(r'<input[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', form))
    values |= dict(re.findall(r'<textarea[^>]*? name="([^"]+)"[^>]*>\s*([^<]*)</textarea>', form))
    for name, options in re.findall(
        r'<select[^>]*? name="([^"]+)"[^>]*>(.*?)</select>', form, re.S
    ):
        selected = re.search(r'<option selected value="([^"]*)"', options)
        values[name] = selected[1] if selected else ""
    values.pop("csrf_token", None)
    return values


def _value(app: Panel, name: str) -> object:
    with app.app_context():
        return settings.get(name)


@pytest.fixture
def assistant(app: Panel, clerk: Browser) -> Browser:
    """Signed-in staff who may view settings only."""
    with app.app_context():
        role = staff.save_role(
            actor=AUTOMATION, uuid=None, name="Viewer", permissions=["settings.view"]
        )
        staff.create_staff(
            actor=AUTOMATION,
            email="viewer@panel.test",
            name="Vera",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    return Browser(app).sign_in("viewer@panel.test")


@pytest.mark.parametrize("key", settings_table.GROUPS)
def test_every_group_has_a_page_that_can_be_saved_unchanged(owner: Browser, key: str) -> None:
    assert owner.get("/admin/settings/", follow_redirects=True).status_code == 200
    answer = owner.post(f"/admin/settings/{key}", _form(owner, key), follow_redirects=True)
    assert answer.status_code == 200
    assert "Nothing was changed." in answer.text
    assert owner.get("/admin/settings/nothing").status_code == 404


def test_a_saved_group(app: Panel, owner: Browser) -> None:
    values = _form(owner, "firm") | {"firm.name": "Lumen", "firm.colour": "#0A7D4F"}
    answer = owner.post("/admin/settings/firm", values, follow_redirects=True)
    assert "Settings saved." in answer.text
    assert "Settings changed: Company name, Brand colour" in answer.text
    assert _value(app, "firm.colour") == "#0a7d4f"
    log = owner.get("/admin/activity/?about=settings").text
    assert 'href="/admin/settings/firm"' in log


@pytest.mark.parametrize(
    ("key", "name", "typed", "error"),
    [
        ("firm", "firm.colour", "red", "Enter a colour such as #3451d1."),
        ("firm", "firm.colour", "#ffb000", "Choose a darker colour."),
        ("firm", "firm.name", "", "Enter a value."),
        ("firm", "firm.support_email", "nobody", "Enter an e-mail address"),
        ("firm", "firm.support_url", "javascript:alert(1)", "Enter an address that starts"),
        ("sessions", "sessions.staff_idle_minutes", "0", "Enter a whole number from 1 to 1440."),
        ("sessions", "sessions.staff_idle_minutes", "soon", "Enter a whole number"),
        ("region", "region.time_zone", "Mars/Olympus", "Not a valid choice"),
    ],
)
def test_an_invalid_value_is_shown_with_what_was_typed(
    app: Panel, owner: Browser, key: str, name: str, typed: str, error: str
) -> None:
    before = _value(app, name)
    answer = owner.post(f"/admin/settings/{key}", _form(owner, key) | {name: typed})
    assert answer.status_code == 422
    if error != "Not a valid choice":
        assert error in answer.text.replace("&#39;", "'")
        assert f'value="{typed}"' in answer.text
    assert f'href="#{name.replace(".", "-")}"' in answer.text
    assert _value(app, name) == before


def test_two_staff_save_at_once(app: Panel, owner: Browser) -> None:
    first, second = _form(owner, "firm"), _form(owner, "firm")
    owner.post("/admin/settings/firm", first | {"firm.name": "First"})
    answer = owner.post("/admin/settings/firm", second | {"firm.name": "Second"})
    assert answer.status_code == 422
    assert "Someone else changed these settings" in answer.text
    assert 'value="Second"' in answer.text
    assert _value(app, "firm.name") == "First"


def test_viewing_does_not_allow_changing(app: Panel, assistant: Browser, clerk: Browser) -> None:
    page = assistant.get("/admin/settings/firm").text
    assert "Save settings" not in page
    assert "Your role doesn&#39;t allow you to change this." in page
    answer = assistant.post("/admin/settings/firm", {"firm.name": "Taken"})
    assert answer.status_code == 403
    assert _value(app, "firm.name") == "puqpanel"
    assert clerk.get("/admin/settings/firm").status_code == 403


def test_an_overridden_setting_is_read_only(app: Panel, owner: Browser) -> None:
    settings.override({"firm.name": "Outside"})
    try:
        page = owner.get("/admin/settings/firm").text
        assert "Set by PUQPANEL_FIRM_NAME in the environment." in page
        values = _form(owner, "firm") | {"firm.name": "Inside", "firm.address": "Main Street 1"}
        assert owner.post("/admin/settings/firm", values).status_code == 302
        assert _value(app, "firm.name") == "Outside"
        assert _value(app, "firm.address") == "Main Street 1"
    finally:
        settings.override({})
    assert _value(app, "firm.name") == "puqpanel"


def test_an_uploaded_logo(app: Panel, owner: Browser) -> None:
    def upload(content: bytes) -> int:
        values = _form(owner, "firm") | {"firm.logo": (io.BytesIO(content), "logo.png")}
        return owner.post("/admin/settings/firm", values).status_code  # type: ignore[arg-type]

    assert upload((SVG % "<script>alert(1)</script>").encode()) == 422
    assert upload(png(60_000, 60_000)) == 422
    assert _value(app, "firm.logo") == ""
    assert upload(png()) == 302
    assert _value(app, "firm.logo") != ""
    assert 'class="firm-logo"' in owner.get("/admin/settings/firm").text
    values = {name: value for name, value in _form(owner, "firm").items() if "remove" not in name}
    owner.post("/admin/settings/firm", values)
    assert _value(app, "firm.logo") != ""
    owner.post("/admin/settings/firm", _form(owner, "firm") | {"firm.logo-remove": "yes"})
    assert _value(app, "firm.logo") == ""


def test_a_group_that_is_added_in_one_place(
    app: Panel, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings_table.GROUPS, "sms", SMS)
    secret = {"sms.token": "hunter2-hunter2"}
    values = _form(owner, "sms") | secret | {"sms.active": "y", "sms.route": "b"}
    values |= {"sms.country": "PL", "sms.price": "3"}
    answer = owner.post("/admin/settings/sms", values, follow_redirects=True)
    assert "Settings saved." in answer.text
    assert "hunter2" not in answer.text
    assert "hunter2" not in owner.get("/admin/activity/?about=settings").text
    assert _value(app, "sms.token") == "hunter2-hunter2"
    assert (_value(app, "sms.active"), _value(app, "sms.route")) == (True, "b")
    assert (_value(app, "sms.country"), _value(app, "sms.price")) == ("PL", 3)
    values = _form(owner, "sms") | {"sms.share": "x"}
    values.pop("sms.active", None)
    assert owner.post("/admin/settings/sms", values).status_code == 422
    owner.post("/admin/settings/sms", values | {"sms.share": "0.5"})
    assert _value(app, "sms.token") == "hunter2-hunter2", "blank keeps a secret"
    assert _value(app, "sms.active") is False


def test_an_invalid_saved_value_is_explained(app: Panel, owner: Browser) -> None:
    with app.app_context():
        settings.save(actor=AUTOMATION, values={"retention.task_days": 7})
        row = sa.update(Setting).where(Setting.name == "retention.task_days")
        with transaction():
            session().execute(row.values(value='"forever"'))
            version = sa.update(Setting).where(Setting.name == settings.VERSION)
            session().execute(version.values(value="later"))
    page = owner.get("/admin/settings/retention").text
    assert "The saved value is not valid, so the default is used" in page
