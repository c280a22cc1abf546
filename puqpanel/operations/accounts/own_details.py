"""The billing details of a client that its users enter when they order."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.permissions import CLIENT_PROFILE_MANAGE, CLIENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax_rules import BuyerKind
from puqpanel.domain.texts import Text, _
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra.db import find, transaction
from puqpanel.models import Client
from puqpanel.operations.accounts.buyer_details import BuyerDetails, clean
from puqpanel.operations.accounts.clients import MAX_COMPANY_LENGTH, announce_vat_number
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_country

REQUIRED = {
    "street": _("Enter the street and number."),
    "postcode": _("Enter the postal code."),
    "city": _("Enter the city."),
    "country": _("Choose a country from the list."),
}
"""What an invoice needs of a client → what is said if it is missing."""


@dataclass(frozen=True, slots=True)
class OwnDetails:
    """What a user enters; the fields are those of `Client`."""

    country: str
    street: str
    postcode: str
    city: str
    region: str = ""
    company: str = ""
    vat_number: str = ""
    buyer_kind: str = BuyerKind.CONSUMER


def missing(client: Client) -> bool:
    """Return whether a client lacks details that an invoice needs."""
    return any(not getattr(client, name) for name in REQUIRED)


@transaction()
def save_own_details(*, actor: Principal, details: OwnDetails) -> None:
    """Save the billing details of a user's current client. Issued documents keep theirs.

    Args:
        actor: a user of the client.
        details: what was entered.

    Raises:
        PermissionDenied: the user may not change the client's profile.
        InvalidInput: a field is invalid.
    """
    actor.require_own(CLIENT_PROFILE_MANAGE, staff=CLIENTS_MANAGE)
    query = sa.select(Client).where(Client.id == (actor.client.id if actor.client else None))
    client = find(query.with_for_update(), _("Client not found."))
    entered = {name: xml_text(text) for name, text in asdict(details).items()}
    errors: dict[str, list[Text | str]] = {
        name: [text] for name, text in REQUIRED.items() if not entered[name]
    }
    # only staff grant an exemption from tax; a client that has one keeps it
    kinds = {BuyerKind.CONSUMER, BuyerKind.BUSINESS, client.buyer_kind}
    if entered["buyer_kind"] not in kinds:
        errors["buyer_kind"] = [_("Select an option from the list.")]
    if len(entered["company"]) > MAX_COMPANY_LENGTH:
        text = _("Enter at most %(longest)s characters.", longest=MAX_COMPANY_LENGTH)
        errors["company"] = [text]
    if errors:
        raise InvalidInput(errors)
    country = clean_country(entered.pop("country"))
    company = entered.pop("company")
    kept = {field.name: getattr(client, field.name) for field in fields(BuyerDetails)}
    values = clean(BuyerDetails(**{**kept, **entered}), country, client)
    values |= {"country": country, "company": company}
    before = {key: getattr(client, key) for key in values}
    for key, value in values.items():
        setattr(client, key, value)
    old, new = audit.changed(before, values)
    if not new:
        return
    audit.record(
        actor=actor,
        action="client.updated",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("Client %(name)s updated.", name=client.name),
        before=old,
        after=new,
    )
    announce_vat_number(client, before.get("vat_status", client.vat_status), "vat_number" in new)
