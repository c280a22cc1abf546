"""Clients and their users."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.permissions import CLIENTS_MANAGE, CLIENTS_USERS
from puqpanel.domain.principals import Principal
from puqpanel.domain.tax_rules import VatStatus
from puqpanel.domain.texts import _
from puqpanel.domain.xml_text import xml_text
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import Client, ClientUser, Service, User
from puqpanel.operations.accounts.buyer_details import BuyerDetails, clean
from puqpanel.operations.accounts.members import create_user, join
from puqpanel.operations.accounts.passwords import check_password, prepared
from puqpanel.operations.system import audit, currencies
from puqpanel.operations.system.fields import clean_country, clean_email, clean_name

MAX_COMPANY_LENGTH = 200


def find_client(uuid: str) -> Client:
    """Return one client with its users.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Client).where(Client.uuid == uuid)
    return find(
        query.options(selectinload(Client.members).joinedload(ClientUser.user)),
        _("Client not found."),
    )


@prepared("user_password")
@transaction()
def create_client(
    *,
    actor: Principal,
    name: str,
    email: str,
    company: str = "",
    country: str = "",
    currency: str = "",
    notes: str = "",
    user_password: str = "",
    user_name: str = "",
    details: BuyerDetails | None = None,
) -> Client:
    """Create a client and, if a password is given, its owner's user account.

    Args:
        actor: who creates it.
        name: display name.
        email: of the client and of its owner's user account.
        company: name of the company.
        country: ISO 3166 alpha-2 code.
        currency: an enabled currency; the base currency unless given.
        notes: visible to staff only.
        user_password: the owner's password in plain text; empty creates no user.
        user_name: the owner's name; the client's name unless given.
        details: its address, VAT number and other details for documents.

    Raises:
        InvalidInput: a field is invalid, or the address already has a user account: a typing error
            must not give another client's user access.
    """
    actor.require(CLIENTS_MANAGE)
    if user_password:
        actor.require(CLIENTS_USERS)
    currency = currency or currencies.base_currency()
    currencies.check_enabled(currency)
    values = _clean(
        name=name, email=email, company=company, country=country, currency=currency, notes=notes
    )
    if user_password:
        about = (values["name"], user_name, values["email"], values["company"])
        check_password(user_password, "user_password", about=about)
    client = save(Client(**values, **clean(details or BuyerDetails(), values["country"], None)))
    audit.record(
        actor=actor,
        action="client.created",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=_("Client %(name)s created.", name=client.name),
        after=values,
    )
    announce_vat_number(client, VatStatus.NONE)
    if (
        user_password
        and session().scalar(sa.select(User.id).where(User.email == values["email"])) is not None
    ):
        message = _(
            "%(values)s already has a user account. Leave the password blank and add the user on "
            "the client's page instead.",
            values=values["email"],
        )
        raise InvalidInput({"user_password": [message]})
    if user_password:
        # not add_user: an account that somebody creates meanwhile must not become an owner
        user = create_user(client, values["email"], user_name or name, user_password)
        join(actor, client, user, True, [])
    return client


@transaction()
def update_client(
    *,
    actor: Principal,
    uuid: str,
    name: str,
    email: str,
    company: str = "",
    country: str = "",
    currency: str = "",
    notes: str = "",
    active: bool = True,
    separate_documents: bool | None = None,
    details: BuyerDetails | None = None,
) -> None:
    """Update a client; its currency is fixed once it has services.

    Args:
        actor: who updates it.
        uuid: the client.
        name: display name.
        email: its e-mail address.
        company: name of the company.
        country: ISO 3166 alpha-2 code.
        currency: an enabled currency; the current one unless given.
        notes: visible to staff only.
        active: whether its users can see its services.
        separate_documents: whether each service is renewed by a document of its own; kept unless
            given.
        details: its address, VAT number and other details for documents; kept unless given.

    Raises:
        InvalidInput: a field is invalid.
        NotFoundError: there is no such client.
    """
    actor.require(CLIENTS_MANAGE)
    # locked, so that no service is sold meanwhile in the currency that it had
    query = sa.select(Client).where(Client.uuid == uuid).with_for_update()
    client = find(query, _("Client not found."))
    currency = currency or client.currency
    _check_currency(client, currency)
    values = {
        **_clean(
            name=name, email=email, company=company, country=country, currency=currency, notes=notes
        ),
        "active": active,
    }
    if separate_documents is not None:
        values["separate_documents"] = separate_documents
    if details is not None:
        values |= clean(details, str(values["country"]), client)
    before = {key: getattr(client, key) for key in values}
    for key, value in values.items():
        setattr(client, key, value)
    old, new = audit.changed(before, values)
    audit.record(
        actor=actor,
        action="client.updated",
        subject_type="client",
        subject_uuid=uuid,
        summary=_("Client %(name)s updated.", name=client.name),
        before=old,
        after=new,
    )
    announce_vat_number(client, before.get("vat_status", client.vat_status), "vat_number" in new)


def announce_vat_number(client: Client, status: str, changed: bool = False) -> None:
    """Raise the event that has a pending VAT number checked, if it was not announced before.

    Args:
        client: the client as it is now.
        status: of its number before.
        changed: whether the number changed.
    """
    if client.vat_status == VatStatus.PENDING and (changed or status != VatStatus.PENDING):
        raise_event("client.vat_number_changed", {"client_uuid": client.uuid})


def _check_currency(client: Client, currency: str) -> None:
    """Check that a client may be given a currency."""
    if currency == client.currency:
        return
    currencies.check_enabled(currency)
    query = sa.select(Service.id).where(Service.client_id == client.id).limit(1)
    if session().scalar(query) is not None:
        text = _(
            "%(client)s has services in %(currency)s, so the currency can't be changed.",
            client=client.name,
            currency=client.currency,
        )
        raise InvalidInput({"currency": [text]})


def _clean(
    *, name: str, email: str, company: str, country: str, currency: str, notes: str
) -> dict[str, str]:
    company = xml_text(company)
    if len(company) > MAX_COMPANY_LENGTH:
        message = _("Enter at most %(longest)s characters.", longest=MAX_COMPANY_LENGTH)
        raise InvalidInput({"company": [message]})
    return {
        "name": clean_name(name),
        "email": clean_email(email),
        "company": company,
        "country": clean_country(country),
        "currency": currency,
        "notes": notes.strip(),
    }
