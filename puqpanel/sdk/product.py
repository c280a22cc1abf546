"""The base of Product modules: what a service is made of, and how it comes to be, changes and
ends at a provider.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa

from puqpanel.domain.actors import SYSTEM
from puqpanel.domain.errors import ConflictError, NotFoundError, UserError
from puqpanel.domain.service_states import VERBS
from puqpanel.host import context
from puqpanel.host.contract.names import python_keys
from puqpanel.infra.db import session
from puqpanel.models.catalog.products import Product as ProductRow
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.operations.provisioning import requests
from puqpanel.sdk import forms
from puqpanel.sdk.module import Module

Answer = dict[str, Any]
OPTIONS: Mapping[str, int] = {"tries": 1, "backoff": 60, "timeout": 600, "max_exceptions": 1}


class Product(Module):
    """A kind of service. Everything has a default: a module that writes only `create_job` works.

    Before each call the host loads `product_uuid`, `product_data`, and, where the call is about a
    service, `service_uuid` and `service_data` (the form's answers overlaid with what earlier jobs
    found out). What a job changes in `self.service_data` is kept, encrypted.

    Class attributes: ProductForm and ServiceForm, WTForms forms that the default pages render and
    the default saves validate; repeatable, names of job methods that may simply run again after a
    worker was lost in the middle of one; job_options, `{"create": {"tries": 3}}` (by verb or by
    method) where the documented options do not fit.
    """

    contract_type: ClassVar[str] = "Product"
    ProductForm: ClassVar[type[forms.Form] | None] = None
    ServiceForm: ClassVar[type[forms.Form] | None] = None
    repeatable: ClassVar[tuple[str, ...]] = ()
    job_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

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

    # Loading.

    def set_product_uuid(self, uuid: str) -> None:
        """Loads a product and passes its data through `get_product_data`. Raises NotFoundError."""
        row = session().scalar(sa.select(ProductRow).where(ProductRow.uuid == uuid))
        if row is None:
            raise NotFoundError(f"There is no product {uuid}.")
        self.product_uuid = row.uuid
        self._pass_product(row.config or {})

    def set_service_uuid(self, uuid: str) -> None:
        """Loads a service and its product, and passes their data through `get_*_data`.

        Raises NotFoundError.
        """
        row = session().scalar(sa.select(ServiceRow).where(ServiceRow.uuid == uuid))
        if row is None:
            raise NotFoundError(f"There is no service {uuid}.")
        product, config = row.product.uuid, dict(row.product.config or {})
        stored = {**(row.service_data or {}), **(row.provision_data or {})}
        self.service_uuid, self.product_uuid = row.uuid, product
        self._pass_product(config)
        self._pass_service(stored)

    def _prepare(
        self, service_uuid: str | None, product_uuid: str | None, stored: Mapping[str, Any]
    ) -> None:
        super()._prepare(service_uuid, product_uuid, stored)
        # A module's class may declare these with a value shared by all its instances, or skip our
        # __init__.
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
            # what was refused is shown as it was sent: a box that was not ticked is not sent, and
            # then is no default either
            self.product_data = forms.as_sent(
                self.ProductForm, self.product_data, stored.get("product_data")
            )
            self.service_data = forms.as_sent(
                self.ServiceForm, self.service_data, stored.get("service_data")
            )

    def _pass_product(self, raw: Mapping[str, Any]) -> None:
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
        """The product's configuration, normalised.

        Called with what is stored before every other call.
        """
        self.product_data = (
            forms.defaults(self.ProductForm, data or {}) if self.ProductForm else dict(data or {})
        )
        return self.product_data

    def save_product_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """Checks what staff entered.

        Returns `{status, data | message, errors, code}`; `data` is what is stored.
        """
        if self.ProductForm:
            return forms.save(self.ProductForm, data or {}, self.product_data)
        return {"status": "success", "data": dict(data or {}), "code": 200}

    def get_product_page(self) -> str:
        """HTML of the fields on the product's page; the panel supplies the form around it."""
        return (
            forms.render(self, self.ProductForm, self.product_data, self.errors)
            if self.ProductForm
            else ""
        )

    def get_service_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """The service's data, normalised.

        Called with what is stored before every other call about a service.
        """
        self.service_data = (
            forms.defaults(self.ServiceForm, data or {}) if self.ServiceForm else dict(data or {})
        )
        return self.service_data

    def save_service_data(self, data: Mapping[str, Any] | None = None) -> Answer:
        """Checks what was entered for a service. Returns as `save_product_data`."""
        if self.ServiceForm:
            return forms.save(self.ServiceForm, data or {}, self.service_data)
        return {"status": "success", "data": dict(data or {}), "code": 200}

    def get_service_page(self) -> str:
        """HTML of the fields on the service's page; the panel supplies the form around it."""
        return (
            forms.render(self, self.ServiceForm, self.service_data, self.errors)
            if self.ServiceForm
            else ""
        )

    # The verbs: called in the request; each marks the service and queues its job.

    def create(self) -> Answer:
        """Begins to make the service at the provider; `create_job` does it."""
        return self._begin("create")

    def suspend(self) -> Answer:
        """Begins to suspend the service; `suspend_job` does it."""
        return self._begin("suspend")

    def unsuspend(self) -> Answer:
        """Begins to bring a suspended service back; `unsuspend_job` does it."""
        return self._begin("unsuspend")

    def termination(self) -> Answer:
        """Begins to end the service; `termination_job` does it."""
        return self._begin("terminate")

    def change_package(self) -> Answer:
        """Begins to fit the service to its product as it is now; `change_package_job` does it."""
        return self._begin("change_package")

    def idle(self) -> Answer:
        """Begins to put the service to rest without suspending it; `idle_job` does it."""
        return self._begin("idle")

    def unidle(self) -> Answer:
        """Begins to wake a resting service; `unidle_job` does it."""
        return self._begin("unidle")

    def cancellation(self) -> Answer:
        """Begins to withdraw a service that was never active; `cancellation_job` does it."""
        return self._begin("cancellation")

    def retry(self) -> Answer:
        """Begins the verb that failed once more."""
        row = session().scalar(
            sa.select(ServiceRow).where(ServiceRow.uuid == (self.service_uuid or ""))
        )
        rule = VERBS.get(row.verb) if row is not None else None
        if rule is None:
            return {
                "status": "error",
                "message": "There is nothing that failed and could be retried.",
                "code": 409,
            }
        answer: Answer = getattr(self, rule.method)()
        return answer

    def _begin(self, verb: str) -> Answer:
        method = VERBS[verb].job
        if getattr(type(self), method) is getattr(Product, method):
            text = (
                f"{self.module_name or type(self).__name__} has no {method}(), so it cannot do"
                " this."
            )
            return {"status": "error", "message": text, "code": 501}
        if not self.service_uuid:
            return {
                "status": "error",
                "message": "No service was chosen; call set_service_uuid() first.",
                "code": 400,
            }
        call = context.current()
        options = {**OPTIONS, **self._options_of(verb, method), "on_loss": self.on_loss(method)}
        try:
            requests.begin(
                service_uuid=self.service_uuid,
                verb=verb,
                method=method,
                actor=call.actor if call and call.actor else SYSTEM,
                options=options,
                tags=[verb, f"service:{self.service_uuid}"],
            )
        except UserError as error:
            code = (
                409
                if isinstance(error, ConflictError)
                else 404
                if isinstance(error, NotFoundError)
                else 400
            )
            return {"status": "error", "message": str(error), "code": code}
        return {"status": "success"}

    def _options_of(self, verb: str, method: str) -> dict[str, Any]:
        """What `job_options` says of a job, under its method's name or its verb's."""
        return python_keys(dict(self.job_options.get(method) or self.job_options.get(verb) or {}))

    @classmethod
    def on_loss(cls, method: str) -> str:
        """What may be done when a worker is lost in mid-job: repeat, observe (ask the provider)
        or lose (tell staff).
        """
        if method in cls.repeatable:
            return "repeat"
        jobs = {rule.job for rule in VERBS.values()}
        return "observe" if method in jobs and callable(getattr(cls, "observe", None)) else "lose"

    # The jobs: called in a worker, outside any transaction. Each answers `{status: "success" |
    # "error", message}`.

    def create_job(self) -> Any:
        """Makes the service at the provider."""
        return self._missing("create_job")

    def suspend_job(self) -> Any:
        """Suspends it there."""
        return self._missing("suspend_job")

    def unsuspend_job(self) -> Any:
        """Brings it back."""
        return self._missing("unsuspend_job")

    def termination_job(self) -> Any:
        """Ends it there."""
        return self._missing("termination_job")

    def change_package_job(self) -> Any:
        """Fits it to its product."""
        return self._missing("change_package_job")

    def idle_job(self) -> Any:
        """Puts it to rest."""
        return self._missing("idle_job")

    def unidle_job(self) -> Any:
        """Wakes it."""
        return self._missing("unidle_job")

    def cancellation_job(self) -> Any:
        """Withdraws it."""
        return self._missing("cancellation_job")

    def _missing(self, method: str) -> Answer:
        return {
            "status": "error",
            "message": f"{type(self).__name__} has no {method}().",
            "code": 501,
        }

    # The client area.

    def get_client_area_menu_config(self) -> Mapping[str, Mapping[str, str]]:
        """The tabs of a service: `{key: {name, template}}`.

        Data for a template comes from `variables_{key}()`.
        """
        return {}

    def client_tab(self, tab: str) -> str:
        """One tab of the client area, rendered with what `variables_{tab}()` answers.

        Raises NotFoundError for no such tab.
        """
        entry = self.get_client_area_menu_config().get(tab)
        if entry is None:
            raise NotFoundError("There is no such tab.")
        variables: Mapping[str, Any] = getattr(self, f"variables_{tab}", dict)() or {}
        base = {"service_uuid": self.service_uuid, "tab": tab, "service_data": self.service_data}
        return self.view(entry["template"], {**base, **variables})
