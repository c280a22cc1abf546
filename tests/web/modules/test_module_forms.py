"""An invalid module form returns 422, with errors in the summary and at the fields."""

from __future__ import annotations

import contextvars
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.infra.redact import MASK
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Audit
from puqpanel.operations.accounts import staff
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import services
from tests.conftest import STAFF
from tests.sample import PASSWORD, activate, make_service, write_module
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

FORMS = """
    from puqpanel.sdk import Product, forms
    need = forms.validators.InputRequired

    class ProductForm(forms.Form):
        quota = forms.IntegerField("Quota", [forms.validators.NumberRange(1)], default=10)
        plan = forms.SelectField("Plan", choices={"s": "Small", "l": "Large"}, default="s")
        backup = forms.BooleanField("Backup", default=True)
        zones = forms.SelectMultipleField("Zones", choices={"a": "A", "b": "B", "c": "C"}, default=["a"])

    class Echo(Product):
        ProductForm = ProductForm
        ServiceForm = ProductForm
"""
PEPPER = """
    from puqpanel.sdk import Product, forms

    class ProductForm(forms.Form):
        pepper = forms.SecretField("Pepper", [forms.validators.InputRequired()])
        quota = forms.IntegerField("Storage quota", [forms.validators.NumberRange(1)])

    class Echo(Product):
        ProductForm = ProductForm
"""
OWN = """
    from puqpanel.sdk import Product, Validator

    class Echo(Product):
        def getProductData(self, data=None):
            self.product_data = {"location": "", **(data or {})}
            return self.product_data

        def saveProductData(self, data=None):
            if data.get("location") == "boom":
                raise ValueError("it broke")
            if data.get("location") == "sentence":
                return {"status": "error", "message": "The provider is shut.", "code": 500}
            validator = Validator.make(data, {"location": "required|in:eu,us", "size": "required|integer|min:1"})
            if validator.fails():
                return {"status": "error", "message": validator.errors, "code": 422}
            return {"status": "success", "data": validator.validated(), "code": 200}

        def getProductPage(self):
            return self.view("admin_area.product", {"data": self.product_data})
"""
PAGE = """<input name="location" value="{{ data.location }}">{% for e in errors.get("location", []) %}<p class="own-error">{{ e }}</p>{% endfor %}
<input name="size" value="{{ data.size }}">"""


class Scene:
    """A panel with an active module, the owner's browser, and a service of the module."""

    def __init__(self, panel: Panel) -> None:
        with panel.app_context():
            staff.create_staff(
                actor=AUTOMATION, email="owner@panel.test", name="Owner", password=PASSWORD
            )
            service = make_service(STAFF)
            self.service, self.product = service.uuid, service.product.uuid
        self.panel = panel
        self.browser = contextvars.Context().run(
            Browser(panel).sign_in, "owner@panel.test", password=PASSWORD
        )

    def save(self, noun: str, **data: object) -> tuple[int, str]:
        """Submit the module's form of the product or the service."""
        uuid = self.product if noun == "products" else self.service
        answer = self.browser.post(f"/admin/{noun}/{uuid}/settings", data)
        return answer.status_code, answer.text


def scene(
    settings: Settings, base: Path, source: str, files: dict[str, str] | None = None
) -> Scene:
    write_module(base / "modules", source, files=files)
    live = Live(replace(settings, modules_dir=base / "modules"))
    app = live.ensure()
    with app.app_context():
        activate(app, STAFF)
    dismantle(app)
    return Scene(live.ensure())


@pytest.mark.parametrize("noun", ["products", "services"])
def test_a_form_class_shows_errors_at_its_fields_and_keeps_the_input(
    settings: Settings, tmp_path: Path, noun: str
) -> None:
    here = scene(settings, tmp_path, FORMS)
    status, page = here.save(noun, quota="-7", plan="l", zones=["b", "c"])
    assert status == 422
    assert "1 field needs attention." in page
    assert 'href="#quota"' in page
    assert 'id="quota-e"' in page and 'aria-invalid="true"' in page
    assert 'value="-7"' in page
    assert '<option selected value="l">' in page
    assert [zone for zone in "abc" if f'<option selected value="{zone}">' in page] == ["b", "c"]
    assert 'name="backup" role="switch"' in page
    assert "checked" not in page, "what was unticked stays so, whatever the default"
    status, page = here.save(noun, quota="much", plan="nothing", backup="y")
    assert (
        status,
        "2 fields need attention." in page,
        'value="much"' in page,
        " checked " in page,
    ) == (422, True, True, True)
    assert here.save(noun, quota="7", plan="l", zones=["b"])[0] == 302
    with here.panel.app_context():
        saved = (
            products.find_product(here.product).config
            if noun == "products"
            else services.find_service(here.service).service_data
        )
        assert saved == {"quota": 7, "plan": "l", "backup": False, "zones": ["b"]}


def test_a_module_with_a_custom_form(settings: Settings, tmp_path: Path) -> None:
    here = scene(settings, tmp_path, OWN, {"views/admin_area/product.html": PAGE})
    status, page = here.save("products", location='<"mars">', size="0")
    assert status == 422
    assert "2 fields need attention." in page
    assert '<p class="own-error">' in page
    assert 'data-field="size"' in page, (
        "what the page does not say itself, a script puts beside the field"
    )
    assert 'value="&lt;&#34;mars&#34;&gt;"' in page and 'value="0"' in page
    status, page = here.save("products", location="sentence", size="3")
    assert (
        status,
        "Not saved." in page,
        "The provider is shut." in page,
        'value="sentence"' in page,
        'value="3"' in page,
    ) == (422, True, True, True, True)
    status, page = here.save("products", location="boom", size="3")
    assert (status, "; reference" in page, 'value="boom"' in page) == (422, True, True)
    assert here.save("products", location="eu", size="3")[0] == 302


def test_nothing_is_saved_while_a_task_is_open(settings: Settings, tmp_path: Path) -> None:
    here = scene(settings, tmp_path, FORMS)
    with here.panel.app_context(), transaction():
        services.find_service(here.service).provision_status = "processing"
    status, page = here.save("services", quota="7", plan="l")
    assert (status, "save again when it finishes" in page, 'value="7"' in page) == (
        422,
        True,
        True,
    )


def test_declared_secret_is_kept_if_blank_and_masked_in_the_audit(
    settings: Settings, tmp_path: Path
) -> None:
    here = scene(settings, tmp_path, PEPPER)
    assert here.save("products", pepper="cayenne of 1998", quota="5")[0] == 302
    assert here.save("products", pepper="", quota="6")[0] == 302
    status, page = here.save("products", pepper="never shown", quota="0")

    assert status == 422
    assert '<a href="#quota">Storage quota</a>' in page, "by its label, linked to its field"
    assert "never shown" not in page
    with here.panel.app_context():
        config = products.find_product(here.product).config
        assert config == {"pepper": "cayenne of 1998", "quota": 6}
        query = sa.select(Audit.after).where(Audit.action == "product.configured")
        saved = session().scalars(query.order_by(Audit.id)).all()
        assert saved == [{"pepper": MASK, "quota": 5}, {"quota": 6}]
