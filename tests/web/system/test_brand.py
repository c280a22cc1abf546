"""The firm's name, logo and colours on pages."""

from __future__ import annotations

import pytest

from puqpanel.app import Panel, create_app
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.models import StoredFile
from puqpanel.operations.billing import companies, logos
from puqpanel.operations.system import settings
from tests.domain.test_images import SVG, png
from tests.sample import SELLER
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite


def _save(app: Panel, **values: object) -> None:
    with app.app_context():
        settings.save(
            actor=AUTOMATION, values={f"firm.{name}": value for name, value in values.items()}
        )


def test_customers_see_only_the_firms_name(app: Panel, visitor: Browser) -> None:
    _save(app, name="Lumen <Hosting>")
    for path in ("/client/signin", "/admin/signin", "/nowhere"):
        page = visitor.get(path).text
        assert "Lumen &lt;Hosting&gt;" in page
        assert "puqpanel" not in page.lower(), path


def test_a_change_shows_at_once_in_another_process(
    app: Panel, settings: Settings, visitor: Browser
) -> None:
    other = create_app(settings)
    try:
        assert "puqpanel" in visitor.get("/client/signin").text
        _save(other, name="Lumen", colour="#0a7d4f")
        page = visitor.get("/client/signin").text
        assert "Lumen" in page
        assert "/brand.css?colour=0a7d4f" in page
    finally:
        dismantle(other)


def test_the_style_sheet_has_both_themes(app: Panel, visitor: Browser) -> None:
    assert visitor.get("/brand.css").text == ""
    assert "brand.css" not in visitor.get("/client/signin").text
    _save(app, colour="#0a7d4f")
    response = visitor.get("/brand.css?colour=0a7d4f")
    assert response.mimetype == "text/css"
    assert "immutable" in response.headers["Cache-Control"]
    assert '[data-bs-theme="light"] {\n  --accent: #0a7d4f;' in response.text
    assert '[data-bs-theme="dark"] {' in response.text
    stale = visitor.get("/brand.css?colour=000000")
    assert stale.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(png(), "image/png"), ((SVG % "<g/>").encode(), "image/svg+xml")],
)
def test_the_logo_cannot_act(app: Panel, visitor: Browser, content: bytes, kind: str) -> None:
    assert visitor.get("/brand/logo").status_code == 404
    _save(app, logo=content)
    page = visitor.get("/client/signin").text
    address = page.partition('class="firm-logo" src="')[2].partition('"')[0]
    response = visitor.get(address)
    assert response.status_code == 200
    assert response.headers["Content-Type"].partition(";")[0] == kind
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert "immutable" in response.headers["Cache-Control"]


def test_an_old_logo_is_deleted(app: Panel) -> None:
    _save(app, logo=png())
    _save(app, logo=png(5, 5))
    with app.app_context():
        assert session().query(StoredFile).count() == 1
        settings.unset(actor=AUTOMATION, name="firm.logo")
        assert session().query(StoredFile).count() == 0


def test_a_logo_that_a_company_uses_too_is_kept(app: Panel) -> None:
    with app.app_context():
        values = {**SELLER, "name": "Fjordhost", "country": "PL", "logo_file": png()}
        company = companies.save_company(actor=AUTOMATION, uuid=None, values=values)
    for content in (png(5, 5), png()):
        _save(app, logo=png())
        _save(app, logo=content)
        with app.app_context():
            if content == png():
                settings.unset(actor=AUTOMATION, name="firm.logo")
            assert logos.logo_of(companies.find_company(company.uuid)) == png()
