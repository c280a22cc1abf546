"""Gateways: which are offered for a document, and to whom staff offer them."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import GATEWAYS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import find, session, transaction
from puqpanel.models import Company, ConfiguredModule
from puqpanel.operations.billing.companies import companies, find_company
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.modules.availability import defines, uncallable_reason
from puqpanel.operations.system import currencies

TYPE = "Payment"


def offered(company: Company, currency: str) -> list[ConfiguredModule]:
    """Return the gateways with which documents of a company in a currency can be paid, in order."""
    return [
        gateway
        for gateway in configured_modules.list_instances(TYPE)
        if is_offered(gateway, company, currency)
    ]


def is_offered(gateway: ConfiguredModule, company: Company, currency: str) -> bool:
    """Return whether documents of a company in a currency can be paid with a gateway now."""
    codes = gateway.currencies.split()
    return (
        gateway.active
        and gateway.company_id in (None, company.id)
        and (not codes or currency in codes)
        and not uncallable_reason(gateway.module)
    )


def titles() -> dict[str, str]:
    """Return the title of each gateway by its UUID, which payments have."""
    return {row.uuid: row.title for row in configured_modules.list_instances(TYPE)}


def terms(gateway: ConfiguredModule) -> tuple[str, list[str]]:
    """Return the name of the only company and the only currencies that a gateway is offered for."""
    return _company_name(gateway), gateway.currencies.split()


def company_of(gateway: ConfiguredModule) -> Company:
    """Return the company of a gateway, or the first one.

    Raises:
        ConflictError: there is none.
    """
    found = companies()
    for row in found:
        if row.id == gateway.company_id:
            return row
    if not found:
        raise ConflictError(_("Add a company before you take payments."))
    return found[0]


def lock_gateway(uuid: str) -> ConfiguredModule:
    """Lock a gateway until the transaction ends, so that its payments are recorded in turn.

    Whatever records payments of a gateway locks it first, then the client, then documents.

    Raises:
        NotFoundError: it does not exist.
    """
    query = (
        sa.select(ConfiguredModule)
        .where(ConfiguredModule.uuid == uuid, ConfiguredModule.type == TYPE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return find(query, _("Gateway not found."))


def supports(gateway: ConfiguredModule, method: str) -> bool:
    """Return whether the module of a gateway defines an optional method of the contract."""
    module = configured_modules.module_of(gateway)
    return module is not None and defines(module, method)


@transaction()
def save_terms(*, actor: Principal, uuid: str, company_uuid: str, codes: Collection[str]) -> None:
    """Set the company and the currencies that a gateway is offered for.

    Args:
        actor: staff.
        uuid: the gateway.
        company_uuid: the only company; empty for all.
        codes: the only currencies; none for all.

    Raises:
        InvalidInput: a currency is not enabled.
    """
    actor.require(GATEWAYS_MANAGE)
    gateway = configured_modules.find_instance(uuid, TYPE)
    unknown = set(codes) - set(currencies.enabled_codes())
    if unknown:
        text = _("These currencies are not enabled: %(codes)s.", codes=", ".join(sorted(unknown)))
        raise InvalidInput({"currencies": [text]})
    company = find_company(company_uuid) if company_uuid else None
    before = {"company": _company_name(gateway), "currencies": gateway.currencies}
    gateway.company_id = company.id if company else None
    gateway.currencies = " ".join(sorted(codes))
    session().flush()
    after = {"company": company.name if company else "", "currencies": gateway.currencies}
    if before != after:
        text = _("Availability of %(title)s changed.", title=gateway.title)
        configured_modules.record_change(
            actor, gateway, "offered", text, before=before, after=after
        )


def _company_name(gateway: ConfiguredModule) -> str:
    company = session().get(Company, gateway.company_id) if gateway.company_id else None
    return company.name if company else ""
