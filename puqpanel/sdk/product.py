"""The base class of Product modules: configuration, lifecycle and client area of a service."""

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa

from puqpanel.domain.errors import NotFoundError
from puqpanel.host import context
from puqpanel.host.form_fields import secret_fields
from puqpanel.infra.db import session
from puqpanel.infra.redact import redact
from puqpanel.models.catalog.products import Product as ProductRow
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.sdk import forms
from puqpanel.sdk.product_jobs import Answer, ServiceJobs


class Product(ServiceJobs):
    """A kind of service, such as a virtual server or a cloud account.

    Every method has a default: a module that defines only `create_job` works. Before each call the
    panel loads `product_uuid` and `product_data` and, if the call concerns a service,
    `service_uuid` and `service_data` (the form's values overlaid with provision data). Changes that
    a job makes to `self.service_data` are saved, encrypted.

        class MyCloud(Product):
            repeatable = ("suspend_job",)

            def create_job(self) -> Result:
                answer = self.api().post("/accounts", json={"name": self.service_data["name"]})
                if not answer.ok:
                    return Result.error(answer.error)
                self.service_data["account_id"] = answer.data["id"]
                return Result.success()

    Attributes:
        ProductForm: WTForms form of the product's configuration; rendered by `get_product_page` and
            validated by `save_product_data`.
        ServiceForm: WTForms form of a service; rendered by `get_service_page` and validated by
            `save_service_data`.
        repeatable: names of job methods that are safe to run again after a crash during the job.
        job_options: task options by verb or method, `{"create": {"tries": 3, "timeout": 900}}`; the
            defaults are tries 1, backoff 60 s, timeout 600 s and max_exceptions 1.
        observe_per_minute: maximum number of `observe()` calls per minute during the daily
            comparison; with 0, `observe()` is only called when staff click Refresh.
    """

    contract_type: ClassVar[str] = "Product"
    ProductForm: ClassVar[type[forms.Form] | None] = None
    ServiceForm: ClassVar[type[forms.Form] | None] = None
    repeatable: ClassVar[tuple[str, ...]] = ()
    job_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    observe_per_minute: ClassVar[int] = 10

    product_uuid: str | None
    service_uuid: str | None
    product_data: dict[str, Any]
    service_data: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.product_uuid = None
        self.service_uuid = None
        self.product_data = {}
        self.service_data = {}
        self._stored_product_data: dict[str, Any] = {}

    # Loading.

    def set_product_uuid(self, uuid: str) -> None:
        """Load a product and pass its configuration through `get_product_data`.

        Args:
            uuid: the product's uuid.

        Raises:
            NotFoundError: there is no such product.
        """
        row = session().scalar(sa.select(ProductRow).where(ProductRow.uuid == uuid))
        if row is None:
            raise NotFoundError(f"Product {uuid} not found.")
        self.product_uuid = row.uuid
        self._pass_product(row.config or {})

    def set_service_uuid(self, uuid: str) -> None:
        """Load a service and its product, and pass their data through the `get_*_data` methods.

        Secrets of the service are masked while staff view the client area as the user.

        Args:
            uuid: the service's uuid.

        Raises:
            NotFoundError: there is no such service.
        """
        row = session().scalar(sa.select(ServiceRow).where(ServiceRow.uuid == uuid))
        if row is None:
            raise NotFoundError(f"Service {uuid} not found.")
        product, config = row.product.uuid, dict(row.product.config or {})
        stored = {**(row.service_data or {}), **(row.provision_data or {})}
        call = context.current()
        if call is not None and call.viewed:
            stored = redact(stored, secret_fields(type(self)))
        self.service_uuid, self.product_uuid = row.uuid, product
        self._pass_product(config)
        self._pass_service(stored)

    def _prepare(
        self, service_uuid: str | None, product_uuid: str | None, stored: Mapping[str, Any]
    ) -> None:
        super()._prepare(service_uuid, product_uuid, stored)
        # a module may declare these on its class, shared by all instances, or skip our __init__
        self.product_uuid, self.service_uuid, self.product_data, self.service_data = (
            product_uuid,
            service_uuid,
            {},
            {},
        )
        if service_uuid:
            self.set_service_uuid(service_uuid)
        elif product_uuid:
            self.set_product_uuid(product_uuid)
        else:
            self._pass_product({})
        if "product_data" in stored:
            self._pass_product(stored["product_data"])
        if "service_data" in stored or not service_uuid:
            self._pass_service(stored.get("service_data", {}))
        if "errors" in stored:
            # a refused form is shown as submitted: an unticked checkbox is absent, and must not
            # fall back to its default
            self.product_data = forms.as_sent(
                self.ProductForm, self.product_data, stored.get("product_data")
            )
            self.service_data = forms.as_sent(
                self.ServiceForm, self.service_data, stored.get("service_data")
            )

    def _pass_product(self, raw: Mapping[str, Any]) -> None:
        self._stored_product_data = dict(raw)
        self.product_data = dict(raw)
        answer = self.get_product_data(dict(raw))
        if isinstance(answer, Mapping):
            self.product_data = dict(answer)

    def _pass_service(self, raw: Mapping[str, Any]) -> None:
        self._stored_service_data = dict(raw)
        self.service_data = dict(raw)
        answer = self.get_service_data(dict(raw))
        if isinstance(answer, Mapping):
            self.service_data = dict(answer)

    # Configuration of products and services.

    def get_product_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """Return the product's configuration, normalised.

        Called with the saved configuration before every other call. The default fills in the
        defaults of `ProductForm`.

        Args:
            data: the saved configuration, or the submitted fields; empty for a new product.
        """
        self.product_data = (
            forms.defaults(self.ProductForm, data or {}) if self.ProductForm else dict(data or {})
        )
        return self.product_data

    def save_product_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """Validate the product's configuration as staff submitted it.

        The default validates with `ProductForm` and keeps the saved value of a secret left blank.

        Args:
            data: the submitted fields by name.

        Returns:
            `{status, data, code}` with the data to save, or `{status, message, errors, code}` with
            messages by field.
        """
        if self.ProductForm:
            return forms.save(self.ProductForm, data or {}, self.product_data)
        return {"status": "success", "data": dict(data or {}), "code": 200}

    def get_product_page(self) -> str:
        """Return HTML of the configuration fields on the product's page.

        The panel renders the surrounding form, its buttons and its CSRF token. The default renders
        `ProductForm`.
        """
        return (
            forms.render(self, self.ProductForm, self.product_data, self.errors)
            if self.ProductForm
            else ""
        )

    def get_service_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """Return the service's data, normalised.

        Called with the saved data before every other call that concerns a service. The default
        fills in the defaults of `ServiceForm`.

        Args:
            data: the form's values overlaid with provision data; empty for a new service.
        """
        self.service_data = (
            forms.defaults(self.ServiceForm, data or {}) if self.ServiceForm else dict(data or {})
        )
        return self.service_data

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """Validate the service's fields as they were submitted.

        The default validates with `ServiceForm` and keeps the saved value of a secret left blank.

        Args:
            data: the submitted fields by name.

        Returns:
            The same dictionary as `save_product_data`.
        """
        if self.ServiceForm:
            return forms.save(self.ServiceForm, data or {}, self.service_data)
        return {"status": "success", "data": dict(data or {}), "code": 200}

    def get_service_page(self) -> str:
        """Return HTML of the fields on the service's page.

        The panel renders the surrounding form. The default renders `ServiceForm`.
        """
        return (
            forms.render(self, self.ServiceForm, self.service_data, self.errors)
            if self.ServiceForm
            else ""
        )

    def _missing_fields(self) -> Answer:
        """Return the labels of the required fields of `ServiceForm` that are empty."""
        form = forms.bound(self.ServiceForm, {}) if self.ServiceForm else ()
        labels = [
            str(field.label.text)
            for field in form
            if field.flags.required and forms.is_blank(self.service_data.get(field.short_name))
        ]
        return {"status": "success", "data": labels, "code": 200}

    def _order_fields(self) -> Answer:
        """Return the labels of the fields that customers fill in when they order, by name."""
        form = _order_form(self.ServiceForm) if self.ServiceForm else None
        labels = {field.short_name: str(field.label.text) for field in form()} if form else {}
        return {"status": "success", "data": labels, "code": 200}

    def _order_page(self) -> str:
        """Return HTML of the fields that customers fill in when they order."""
        if self.ServiceForm is None:
            return ""
        return forms.render(self, _order_form(self.ServiceForm), self.service_data, self.errors)

    def _invalid_settings(self) -> Answer:
        """Return name, label and reason of each saved setting that `ProductForm` refuses.

        Saved settings become invalid when an update of the module changes its form. A module that
        reads or saves them itself may accept others.
        """
        cls = type(self)
        validated = (
            cls.save_product_data is Product.save_product_data
            and cls.get_product_data is Product.get_product_data
        )
        form = self.ProductForm if validated else None
        saved = self._stored_product_data
        data = forms.problems(form, forms.defaults(form, saved)) if form else []
        return {"status": "success", "data": data, "code": 200}

    # The client area.

    def get_client_area_menu_config(self) -> Mapping[str, Mapping[str, str]]:
        """Return the tabs of a service in the client area.

        The template of a tab receives the dictionary that `variables_{tab}()` returns, and its AJAX
        requests reach `controller_client_{tab}_{verb}()`.

            {"general": {"name": "General", "template": "client_area.general"}}
        """
        return {}

    def client_tab(self, tab: str) -> str:
        """Render one tab of the client area with the variables of `variables_{tab}()`.

        Args:
            tab: a key of `get_client_area_menu_config`.

        Raises:
            NotFoundError: there is no such tab.
        """
        entry = self.get_client_area_menu_config().get(tab)
        if entry is None:
            raise NotFoundError("Tab not found.")
        variables: Mapping[str, Any] = getattr(self, f"variables_{tab}", dict)() or {}
        base = {"service_uuid": self.service_uuid, "tab": tab, "service_data": self.service_data}
        return self.view(entry["template"], {**base, **variables})


def _order_form(form: type[forms.Form]) -> type[forms.Form]:
    """Return a form with the required fields only: the others are for staff, or have defaults."""
    optional = {field.short_name: None for field in form() if not field.flags.required}
    return type("OrderForm", (form,), optional)
