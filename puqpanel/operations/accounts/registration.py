"""Registration: a visitor becomes the user and owner of a new client."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from puqpanel.domain.emails import email_key
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import _
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.events import raise_event
from puqpanel.models import User
from puqpanel.operations.accounts import clients
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from puqpanel.operations.accounts.passwords import check_password, prepare
from puqpanel.operations.system import settings
from puqpanel.operations.system.fields import clean_country

CLOSED = _("Registration is closed. Ask us for an account.")


@dataclass(frozen=True, slots=True)
class Registration:
    """What a visitor entered.

    Args:
        name: of the person.
        email: for signing in, and for documents.
        password: in plain text.
        country: ISO 3166 alpha-2 code; required, because tax depends on it.
        company: name of the company; empty for a person.
        currency: an enabled currency; the base currency unless given.
        details: the address and the VAT number.
    """

    name: str
    email: str
    password: str
    country: str
    company: str = ""
    currency: str = ""
    details: BuyerDetails | None = None


def register(*, registration: Registration, ip: str) -> User:
    """Create a client with a user who owns it, and return the user.

    Args:
        registration: what was entered.
        ip: the address of the visitor.

    Raises:
        ConflictError: registration is disabled.
        InvalidInput: a field is invalid, or the address has an account already.
    """
    if not settings.get("shop.registration"):
        raise ConflictError(CLOSED)
    raise_event("user.before_register", {"email": registration.email[:254], "ip": ip})
    if not clean_country(registration.country):
        raise InvalidInput({"country": [_("Choose a country from the list.")]})
    about = (registration.name, registration.email, registration.company)
    check_password(registration.password, about=about)
    address = email_key(registration.email)
    _check_free(address)
    release()
    password = prepare(registration.password)
    with transaction():
        _check_free(address)
        visitor = Principal(
            PrincipalKind.AUTOMATION, None, "registration", ip, permissions=frozenset({"*"})
        )
        client = clients.create_client(
            actor=visitor,
            name=registration.name,
            email=registration.email,
            company=registration.company,
            country=registration.country,
            currency=registration.currency,
            user_password=password,
            details=registration.details,
        )
        user = clients.find_client(client.uuid).members[0].user
        raise_event("user.after_register", {"user_uuid": user.uuid, "ip": ip})
    return user


def _check_free(address: str) -> None:
    """Check that an address has no account.

    Raises:
        InvalidInput: it has one.
    """
    if session().scalar(sa.select(User.id).where(User.email == address)) is not None:
        text = _("There is an account with this e-mail address. Sign in instead.")
        raise InvalidInput({"email": [text]})
