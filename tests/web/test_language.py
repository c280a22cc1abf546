"""The language and time zone of pages: account, cookie, browser, panel."""

from __future__ import annotations

from gettext import NullTranslations

import pytest
import sqlalchemy as sa
from babel import Locale
from markupsafe import escape

from puqpanel.app import Panel
from puqpanel.domain import texts
from puqpanel.infra import catalogs
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Service, Staff
from puqpanel.tasks.add import add
from puqpanel.web import locale
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite


def lang(answer) -> str:
    return getattr(answer, "text", answer).partition('lang="')[2].partition('"')[0]


def test_the_browser_chooses_until_somebody_does(app: Panel, visitor: Browser) -> None:
    for header, expected in (
        ("", "en"),
        ("pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("xx, ,*;q=0.9, pl;q=0.5, de;q=nonsense", "pl"),
        ("tlh,de-AT;q=0.9", "en"),
        ("pl," * 3000, "en"),
    ):
        answer = visitor.http.get("/client/signin", headers={"Accept-Language": header})
        assert (answer.status_code, lang(answer)) == (200, expected), header[:40]


def test_a_visitor_switches_the_language_and_stays_on_the_page(visitor: Browser) -> None:
    answer = visitor.post("/client/language", {"language": "pl", "next": "/client/signin?x=1"})
    assert answer.location == "/client/signin?x=1"
    assert lang(visitor.get("/client/signin")) == "pl"
    assert lang(visitor.get("/admin/signin")) == "pl", "one choice for the whole browser"
    answer = visitor.post("/client/language", {"language": "en", "next": "//evil.test"})
    assert answer.location == "/client"
    assert lang(visitor.get("/client/signin")) == "en"


@pytest.mark.parametrize("tag", ["", "xx", "../..", "pl" * 4000, "\0"])
def test_a_language_that_does_not_exist_changes_nothing(owner: Browser, tag: str) -> None:
    assert owner.post("/admin/language", {"language": tag}).status_code == 302
    assert lang(owner.get("/admin/")) == "en"


def test_the_choice_is_stored_with_the_account(app: Panel, owner: Browser) -> None:
    owner.post("/admin/language", {"language": "pl", "next": "/admin/"})
    other = Browser(app).sign_in("owner@panel.test")
    assert lang(other.get("/admin/")) == "pl", "in another browser too"
    with app.app_context():
        entry = session().scalars(sa.select(Audit).order_by(Audit.id.desc())).all()
        changed = next(each for each in entry if each.action == "staff.preferences_changed")
        assert (changed.before, changed.after) == ({"language": ""}, {"language": "pl"})


def test_preferences_set_language_and_zone(app: Panel, owner: Browser) -> None:
    page = owner.get("/admin/preferences")
    assert page.status_code == 200 and "Polski" in page.text
    answer = owner.post("/admin/preferences", {"language": "pl", "zone": "Asia/Kathmandu"})
    assert answer.status_code == 302
    with app.app_context():
        person = session().scalar(sa.select(Staff).where(Staff.email == "owner@panel.test"))
        assert person is not None
        assert (person.language, person.zone) == ("pl", "Asia/Kathmandu")
    assert "+0545" in owner.get("/admin/activity/").text
    answer = owner.post("/admin/preferences", {"language": "xx", "zone": "Mars/Base"})
    assert answer.status_code == 422


def test_every_shipped_catalog_is_usable() -> None:
    assert "pl" in [language.tag for language in catalogs.available()]
    assert catalogs.problems() == {}


def test_a_language_of_the_firm_with_a_script_and_from_right_to_left(
    app: Panel, visitor: Browser, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tag, translation in (("ar", "دخول"), ("zh_Hant", "登入")):
        path = tmp_path / "translations" / tag / catalogs.FILE
        path.parent.mkdir(parents=True)
        path.write_text(f'msgid "Sign in"\nmsgstr "{translation}"\n', "utf-8")
    monkeypatch.setattr(catalogs, "_catalogs", catalogs._Catalogs())
    catalogs.use(tmp_path)
    page = visitor.get("/client/signin", headers={"Accept-Language": "ar-EG"}).text
    assert 'dir="rtl"' in page and lang(page) == "ar" and "دخول" in page
    assert "الإنجليزية" in page or "English" in page
    page = visitor.get("/client/signin", headers={"Accept-Language": "zh-TW"}).text
    assert 'dir="ltr"' in page and lang(page) == "zh-Hant" and "登入" in page


def test_a_translation_that_cannot_be_used_shows_english_on_a_page(app: Panel) -> None:
    class Broken(NullTranslations):
        def pgettext(self, context: str, message: str) -> str:
            return "%(wrong)s"

        gettext = ngettext = lambda self, *_: "100% %(wrong)s"  # type: ignore[assignment]

    with app.app_context(), texts.using(texts.Language("xx", Locale("pl"), Broken())):
        assert locale._gettext("%(name)s 100%%", name="<b>") == "&lt;b&gt; 100%"
        assert locale._pgettext("status", "Active") == "Active"
        assert locale._ngettext("%(num)s task", "%(num)s tasks", 7) == "7 tasks"


def test_an_answer_of_a_provider_that_looks_like_a_stored_text_breaks_no_page(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    answer = '{"text": "100% full %(x)s"}'
    with app.app_context(), transaction():
        task = add(job="ModuleJob", title="x", subject_type="service", subject_uuid=shop["service"])
        task.note = texts.verbatim(answer)
        service = session().scalars(sa.select(Service)).one()
        service.failure, service.provision_status = texts.verbatim(answer), "failed"
        uuid = task.uuid
    for path in (f"/admin/tasks/{uuid}", f"/admin/services/{shop['service']}"):
        page = owner.get(path)
        assert page.status_code == 200
        assert str(escape(answer)) in page.text
    for path in ("/admin/tasks/?format=csv", "/admin/services/?format=csv"):
        assert owner.get(path).status_code == 200
