"""Billing addresses of clients. The client's own is the default; documents keep what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.order_states import NOT_PLACED
from puqpanel.domain.permissions import CLIENT_PROFILE_MANAGE, CLIENTS_MANAGE
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import Text, _
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import Address, Client, Order
from puqpanel.operations.accounts.buyer_details import BuyerDetails, clean
from puqpanel.operations.accounts.clients import announce_vat_number
from puqpanel.operations.accounts.own_details import REQUIRED
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_country, clean_name

MAX_ADDRESSES = 50
LENGTHS = {"company": 200, "street": 200, "postcode": 20, "city": 100, "region": 100}
FIELDS = ("label", *LENGTHS, "country")
"""Editable fields of an address."""
MISSING = _("Address not found.")


def addresses_of(client: Client) -> Sequence[Address]:
    """Return the addresses of a client besides its own, by label."""
    query = sa.select(Address).where(Address.client_id == client.id)
    return session().scalars(query.order_by(Address.label, Address.id)).all()


def find_address(client: Client, uuid: str) -> Address:
    """Return an address of a client.

    Raises:
        NotFoundError: it does not exist, or is another client's.
    """
    return find(
        sa.select(Address).where(Address.uuid == uuid, Address.client_id == client.id), MISSING
    )


def gone() -> InvalidInput:
    """Return the error of an order for an address that was deleted meanwhile."""
    return InvalidInput({"address": [_("This address no longer exists. Choose another one.")]})


def chosen(client: Client, address_id: int | None) -> Address | None:
    """Return the address that was chosen for an order; None for the client's own."""
    if address_id is None:
        return None
    address = session().get(Address, address_id, populate_existing=True)  # it can be gone
    return address if address is not None and address.client_id == client.id else None


def enter(actor: Principal, client_uuid: str, permission: str) -> Client:
    """Lock a client whose address book or contacts are changed; requires a transaction.

    Args:
        actor: staff who manage clients, or a user of the client.
        client_uuid: the client.
        permission: what a user needs.

    Raises:
        NotFoundError: it does not exist.
        PermissionDenied: the actor may not, or it is not the user's current client.
    """
    if actor.kind is PrincipalKind.USER:
        actor.require_own(permission, staff=CLIENTS_MANAGE)
        if actor.client is None or actor.client.uuid != client_uuid:
            raise PermissionDenied(_("You can't change this client."))
    else:
        actor.require(CLIENTS_MANAGE)
    query = sa.select(Client).where(Client.uuid == client_uuid).with_for_update()
    return find(query.execution_options(populate_existing=True), _("Client not found."))


@transaction()
def save_address(
    *, actor: Principal, client_uuid: str, uuid: str | None, values: Mapping[str, str]
) -> Address:
    """Add an address to a client, or change one.

    Args:
        actor: staff, or a user of the client.
        client_uuid: the client.
        uuid: the address; None adds one.
        values: of `FIELDS`.

    Raises:
        InvalidInput: a field is missing or invalid, or there are too many.
        NotFoundError: the client has no such address.
        PermissionDenied: the actor may not.
    """
    client = enter(actor, client_uuid, CLIENT_PROFILE_MANAGE)
    checked = _checked(values)
    if uuid:
        address = find_address(client, uuid)
    else:
        if len(addresses_of(client)) >= MAX_ADDRESSES:
            text = _("A client has at most %(limit)s addresses.", limit=MAX_ADDRESSES)
            raise InvalidInput({"": [text]})
        address = Address(client_id=client.id, client=client)
    before = {key: getattr(address, key) for key in checked} if uuid else {}
    for key, value in checked.items():
        setattr(address, key, value)
    save(address)
    old, new = audit.changed(before, checked)
    if new:
        summary = _("Address %(label)s saved.", label=address.label)
        record(actor, client, "client.address_saved", summary, before=old, after=new)
    return address


@transaction()
def delete_address(*, actor: Principal, client_uuid: str, uuid: str) -> None:
    """Delete an address; documents keep it.

    Raises:
        ConflictError: a draft or an offer of an order is for it.
        NotFoundError: the client has no such address.
        PermissionDenied: the actor may not.
    """
    client = enter(actor, client_uuid, CLIENT_PROFILE_MANAGE)
    address = find_address(client, uuid)
    used = sa.select(Order.id).where(Order.address_id == address.id, Order.status.in_(NOT_PLACED))
    if session().scalar(used.limit(1)) is not None:
        raise ConflictError(
            _("A draft order or an offer uses this address, so it can't be deleted.")
        )
    summary = _("Address %(label)s deleted.", label=address.label)
    before = {key: getattr(address, key) for key in FIELDS}
    record(actor, client, "client.address_deleted", summary, before=before, after={})
    session().delete(address)


@transaction()
def make_default(*, actor: Principal, client_uuid: str, uuid: str) -> None:
    """Make an address the client's own; the former one becomes one of the others.

    Raises:
        InvalidInput: the VAT number of the client is not one of the new country.
        NotFoundError: the client has no such address.
        PermissionDenied: the actor may not.
    """
    client = enter(actor, client_uuid, CLIENT_PROFILE_MANAGE)
    address = find_address(client, uuid)
    former = {key: getattr(client, key) for key in (*LENGTHS, "country")}
    label, client.address_label = client.address_label, address.label
    details = BuyerDetails(
        **{field.name: getattr(client, field.name) for field in fields(BuyerDetails)}
    )
    places = {key: getattr(address, key) for key in ("street", "postcode", "city", "region")}
    values = clean(replace(details, **places), address.country, client)
    values |= {"country": address.country, "company": address.company or client.company}
    status = client.vat_status
    before = {key: getattr(client, key) for key in values}
    for key, value in values.items():
        setattr(client, key, value)
    # what was for the address is for the client's own now, and not for the former one
    session().delete(address)
    if all(former[key] for key in REQUIRED):
        save(Address(client_id=client.id, label=label or former["city"], **former))
    old, new = audit.changed(before, values)
    summary = _("%(label)s is now the default address.", label=client.address_label)
    record(actor, client, "client.updated", summary, before=old, after=new)
    announce_vat_number(client, status)


def _checked(values: Mapping[str, str]) -> dict[str, Any]:
    entered = {key: xml_text(storable(values.get(key, ""))) for key in FIELDS}
    errors: dict[str, list[Text | str]] = {
        key: [text] for key, text in REQUIRED.items() if not entered[key]
    }
    for key, longest in LENGTHS.items():
        if len(entered[key]) > longest:
            errors[key] = [_("Enter at most %(longest)s characters.", longest=longest)]
    try:
        entered["label"] = clean_name(entered["label"], "label", 100)
    except InvalidInput as error:
        errors |= {key: [*texts] for key, texts in error.messages.items()}
    if errors:
        raise InvalidInput(errors)
    return {**entered, "country": clean_country(entered["country"])}


def record(
    actor: Principal,
    client: Client,
    action: str,
    summary: Text,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Add an entry about addresses or contacts to the timeline of a client."""
    audit.record(
        actor=actor,
        action=action,
        subject_type="client",
        subject_uuid=client.uuid,
        summary=summary,
        before=dict(before),
        after=dict(after),
    )
