"""Contacts of clients: who receives documents, messages about services, and general notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.permissions import CLIENT_BILLING_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra import catalogs
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import Client, Contact
from puqpanel.operations.accounts.addresses import enter, record
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_email, clean_name

MAX_CONTACTS = 50
ROLES = {
    "billing": _("Billing"),
    "technical": _("Technical"),
    "notices": _("General notices"),
}
"""What a contact receives messages about: column → label."""


def find_contact(client: Client, uuid: str) -> Contact:
    """Return a contact of a client.

    Raises:
        NotFoundError: it does not exist, or is another client's.
    """
    query = sa.select(Contact).where(Contact.uuid == uuid, Contact.client_id == client.id)
    return find(query, _("Contact not found."))


@transaction()
def save_contact(
    *, actor: Principal, client_uuid: str, uuid: str | None, values: Mapping[str, Any]
) -> Contact:
    """Add a contact to a client, or change one.

    Args:
        actor: staff, or a user of the client.
        client_uuid: the client.
        uuid: the contact; None adds one.
        values: name, email, language, which may be empty, and whether it has each of `ROLES`.

    Raises:
        InvalidInput: a field is invalid, no role is selected, or there are too many.
        NotFoundError: the client has no such contact.
        PermissionDenied: the actor may not.
    """
    client = enter(actor, client_uuid, CLIENT_BILLING_MANAGE)
    checked = _checked(values)
    if uuid:
        contact = find_contact(client, uuid)
    else:
        if len(client.contacts) >= MAX_CONTACTS:
            text = _("A client has at most %(limit)s contacts.", limit=MAX_CONTACTS)
            raise InvalidInput({"": [text]})
        contact = Contact()
        client.contacts.append(contact)
    before = {key: getattr(contact, key) for key in checked} if uuid else {}
    for key, value in checked.items():
        setattr(contact, key, value)
    save(contact)
    old, new = audit.changed(before, checked)
    if new:
        summary = _("Contact %(name)s saved.", name=contact.name)
        record(actor, client, "client.contact_saved", summary, before=old, after=new)
    return contact


@transaction()
def delete_contact(*, actor: Principal, client_uuid: str, uuid: str) -> None:
    """Delete a contact.

    Raises:
        NotFoundError: the client has no such contact.
        PermissionDenied: the actor may not.
    """
    client = enter(actor, client_uuid, CLIENT_BILLING_MANAGE)
    contact = find_contact(client, uuid)
    before = {"name": contact.name, "email": contact.email}
    summary = _("Contact %(name)s deleted.", name=contact.name)
    record(actor, client, "client.contact_deleted", summary, before=before, after={})
    session().delete(contact)
    session().flush()
    session().expire(client, ["contacts"])


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    errors: dict[str, list[Text | str]] = {}
    checked: dict[str, Any] = {role: bool(values.get(role)) for role in ROLES}
    if not any(checked.values()):
        errors["billing"] = [_("Select at least one kind of message.")]
    language = checked["language"] = str(values.get("language", "")).strip()
    if language and catalogs.find(language) is None:
        errors["language"] = [_("Select an option from the list.")]
    for key, clean in (("name", clean_name), ("email", clean_email)):
        try:
            checked[key] = clean(str(values.get(key, "")))
        except InvalidInput as error:
            errors |= {name: [*texts] for name, texts in error.messages.items()}
    if errors:
        raise InvalidInput(errors)
    return checked
