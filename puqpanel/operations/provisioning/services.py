"""Services: create and find them, and save their module settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import CLIENT_SERVICES_VIEW, SERVICES_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import VERBS, Verb, possible
from puqpanel.domain.texts import _
from puqpanel.host import registry
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Client, Price, Product, Service
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.catalog.prices import find_price, prices_of
from puqpanel.operations.catalog.products import check_configured, find_product
from puqpanel.operations.modules import forms
from puqpanel.operations.modules.availability import defines
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

BUSY = _("An operation is in progress for this service; save again when it finishes.")


def find_service(uuid: str) -> Service:
    """Return one service with its client and product.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Service).where(Service.uuid == uuid), _("Service not found."))


def lock_service(uuid: str) -> Service:
    """Lock a service row until the transaction ends, and return its current state.

    Raises:
        NotFoundError: it does not exist.
    """
    # the service alone: tasks of one client or product must not wait for each other
    query = (
        sa.select(Service)
        .where(Service.uuid == uuid)
        .with_for_update(of=Service)
        .execution_options(populate_existing=True)
    )
    return find(query, _("Service not found."))


def find_service_of(actor: Principal, uuid: str) -> Service:
    """Return a service of a user's current client.

    Raises:
        NotFoundError: it does not exist or belongs to another client.
    """
    return find(_visible_to(actor).where(Service.uuid == uuid), _("Service not found."))


def services_of(actor: Principal) -> Sequence[Service]:
    """Return the services of a user's current client; terminated and cancelled ones come last."""
    ended = Service.status.in_(("terminated", "cancelled"))
    return session().scalars(_visible_to(actor).order_by(ended, Service.name, Service.id)).all()


def _visible_to(actor: Principal) -> sa.Select[Service]:
    client_id = actor.client.id if actor.client and actor.may(CLIENT_SERVICES_VIEW) else None
    return sa.select(Service).where(Service.client_id == client_id)


def module_of(service: Service) -> LoadedModule | None:
    """Return the module of a service; None if it is not loaded."""
    return registry.current().get(service.product.module) if service.product.module else None


def possible_verbs(service: Service) -> list[str]:
    """Return the verbs that can be requested now, in the order of their buttons.

    Only some modules make services idle; for others the verbs of it are left out.
    """
    module = module_of(service)
    return [
        key
        for key, rule in VERBS.items()
        if possible(key, service.status, service.provision_status, idle=service.idle)
        and (rule.from_idle is None or (module is not None and implements(module, rule)))
    ]


def implements(module: LoadedModule, verb: Verb) -> bool:
    """Return whether a module handles a verb, in the request or in a job."""
    return defines(module, verb.method) or defines(module, verb.job)


def create_service(
    *,
    actor: Principal,
    client_uuid: str,
    product_uuid: str,
    name: str,
    data: Mapping[str, Any] | None = None,
    price_uuid: str = "",
) -> Service:
    """Sell a product to a client, at one of its prices. Nothing is provisioned yet.

    Args:
        actor: who sells it.
        client_uuid: the client.
        product_uuid: the product.
        name: display name.
        data: the module's form, validated by the module; None leaves it for later.
        price_uuid: one of the product's prices; by default the only one in the client's currency.

    Raises:
        InvalidInput: a field is invalid, the product has no price in the client's currency, or its
            module's settings were never saved.
        NotFoundError: the price was replaced or withdrawn.
    """
    actor.require(SERVICES_MANAGE)
    client, product = find_client(client_uuid), find_product(product_uuid)
    title = clean_name(name)
    if not product.active:
        raise InvalidInput({"product": [_("%(name)s is no longer sold.", name=product.name)]})
    terms_for(client, product, price_uuid)
    check_configured(product)
    values: dict[str, Any] = {}
    module = registry.current().get(product.module) if product.module else None
    if module is not None and data is not None:
        values = forms.validate(
            module, "save_service_data", data, stored={}, product_uuid=product_uuid, actor=actor
        )
    with transaction():
        client = find(_locked(Client, client.id), _("Client not found."))
        product = find(_locked(Product, product.id), _("Product not found."))
        terms = terms_for(client, product, price_uuid)
        check_configured(product)
        service = save(
            Service(
                client_id=client.id,
                product_id=product.id,
                name=title,
                service_data=values,
                prepaid=product.billing_mode == BillingMode.PREPAID,
                **terms,
            )
        )
        audit.record(
            actor=actor,
            action="service.created",
            subject_type="service",
            subject_uuid=service.uuid,
            summary=_("%(product)s sold to %(client)s.", product=product.name, client=client.name),
            after={"name": title, "price": str(service.price), "period": service.period},
        )
        raise_event("service.pending", {"service_uuid": service.uuid})
    return find_service(service.uuid)


def terms_for(client: Client, product: Product, price_uuid: str = "") -> dict[str, Any]:
    """Return the columns of a service's price: at what it is sold, how often, in what currency.

    Args:
        client: who buys it.
        product: the product.
        price_uuid: one of its prices; by default the only one in the client's currency.

    Raises:
        InvalidInput: the product has no price in the client's currency, or several to choose from.
        NotFoundError: the price was replaced or withdrawn.
    """
    if product.billing_mode == BillingMode.FREE:
        return {
            "price_id": None,
            "price_minor": 0,
            "currency": client.currency,
            "period": Period.ONE_TIME.value,
        }
    if price_uuid:
        price = find_price(product, price_uuid)
        if price.currency != client.currency:
            text = _(
                "This price is in %(currency)s, but %(client)s pays in %(client_currency)s. Choose"
                " a price in %(client_currency_2)s.",
                currency=price.currency,
                client=client.name,
                client_currency=client.currency,
                client_currency_2=client.currency,
            )
            raise InvalidInput({"product": [text]})
    else:
        price = _only_price(client, product)
    return {
        "price_id": price.id,
        "price_minor": price.recurring_minor,
        "currency": price.currency,
        "period": price.period,
    }


def _only_price(client: Client, product: Product) -> Price:
    offered = [row for row in prices_of(product) if row.currency == client.currency]
    if len(offered) == 1:
        return offered[0]
    if offered:
        text = _("%(product)s has several prices. Choose one of them.", product=product.name)
    else:
        text = _(
            "%(product)s has no price in %(currency)s, the currency of %(client)s.",
            product=product.name,
            currency=client.currency,
            client=client.name,
        )
    raise InvalidInput({"product": [text]})


def _locked(model: type[Client | Product], key: int) -> sa.Select[Any]:
    """Select a row whose currency stays until the transaction ends."""
    return sa.select(model).where(model.id == key).with_for_update(of=model)


@transaction()
def rename_service(*, actor: Principal, uuid: str, name: str) -> None:
    """Rename a service."""
    actor.require(SERVICES_MANAGE)
    title = clean_name(name)
    service = find_service(uuid)
    before, service.name = service.name, title
    audit.record(
        actor=actor,
        action="service.renamed",
        subject_type="service",
        subject_uuid=uuid,
        summary=_("Renamed to %(title)s.", title=title),
        before={"name": before},
        after={"name": title},
    )


def save_service_data(*, actor: Principal, uuid: str, data: Mapping[str, Any]) -> None:
    """Have the module validate its settings of a service, and save them.

    Args:
        actor: who saves them.
        uuid: the service.
        data: the submitted values.

    Raises:
        InvalidInput: the module rejected a field.
        ConflictError: the module is not active, or an operation is in progress.
    """
    actor.require(SERVICES_MANAGE)
    service = find_service(uuid)
    module = module_of(service)
    if module is None:
        raise ConflictError(_("The module of this service is not active."))
    if service.provision_status == "processing":
        raise ConflictError(BUSY)
    values = forms.validate(
        module,
        "save_service_data",
        data,
        stored=service.service_data,
        service_uuid=uuid,
        actor=actor,
    )
    with transaction():
        service = lock_service(uuid)
        if service.provision_status == "processing":
            raise ConflictError(BUSY)
        old, new = audit.changed(service.service_data, values)
        service.service_data = values
        service.observe_at = None
        # earlier values of a job must not hide what staff have just entered
        service.provision_data = {
            key: value for key, value in service.provision_data.items() if key not in new
        }
        audit.record(
            actor=actor,
            action="service.configured",
            subject_type="service",
            subject_uuid=uuid,
            summary=_("Module settings saved."),
            before=old,
            after=new,
            secrets=secret_fields(module.cls),
        )
        raise_event("service.options_updated", {"service_uuid": uuid})
