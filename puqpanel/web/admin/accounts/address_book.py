"""Staff pages for billing addresses and contacts of clients."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import CLIENTS_MANAGE
from puqpanel.domain.texts import Text, _
from puqpanel.operations.accounts import addresses, contacts
from puqpanel.operations.accounts.clients import find_client
from puqpanel.web.address_book import AddressForm, ContactForm
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.navigation import crumbs

bp = Blueprint("address_book", __name__, url_prefix="/clients/<uuid>")


@bp.route("/addresses/new", methods=["GET", "POST"])
@bp.route("/addresses/<address>", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def address(uuid: str, address: str = "") -> ResponseReturnValue:
    """Add an address to a client, or change one."""
    client = find_client(uuid)
    found = addresses.find_address(client, address) if address else None
    form = AddressForm(obj=found, data=None if found else {"country": client.country})

    def save() -> tuple[Text, str]:
        values = form.values(*form.SAVED)
        addresses.save_address(actor=actor(), client_uuid=uuid, uuid=address or None, values=values)
        return _("Address saved."), url_for("admin.clients.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Edit address") if found else _("Add address"),
        crumbs=crumbs("clients", client),
        label=_("Save address"),
    )


@bp.post("/addresses/<address>/default")
@allow(CLIENTS_MANAGE)
def make_default(uuid: str, address: str) -> ResponseReturnValue:
    """Make an address the default one."""
    with flashed_errors(InvalidInput):
        addresses.make_default(actor=actor(), client_uuid=uuid, uuid=address)
        flash(_("Default address changed."), "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))


@bp.post("/addresses/<address>/delete")
@allow(CLIENTS_MANAGE)
def delete_address(uuid: str, address: str) -> ResponseReturnValue:
    """Delete an address."""
    with flashed_errors(ConflictError):
        addresses.delete_address(actor=actor(), client_uuid=uuid, uuid=address)
        flash(_("Address deleted."), "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))


@bp.route("/contacts/new", methods=["GET", "POST"])
@bp.route("/contacts/<contact>", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def contact(uuid: str, contact: str = "") -> ResponseReturnValue:
    """Add a contact to a client, or change one."""
    client = find_client(uuid)
    found = contacts.find_contact(client, contact) if contact else None
    form = ContactForm(obj=found, data=None if found else {"billing": True})

    def save() -> tuple[Text, str]:
        values = form.values(*form.SAVED)
        contacts.save_contact(actor=actor(), client_uuid=uuid, uuid=contact or None, values=values)
        return _("Contact saved."), url_for("admin.clients.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Edit contact") if found else _("Add contact"),
        crumbs=crumbs("clients", client),
        label=_("Save contact"),
    )


@bp.post("/contacts/<contact>/delete")
@allow(CLIENTS_MANAGE)
def delete_contact(uuid: str, contact: str) -> ResponseReturnValue:
    """Delete a contact."""
    contacts.delete_contact(actor=actor(), client_uuid=uuid, uuid=contact)
    flash(_("Contact deleted."), "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))
