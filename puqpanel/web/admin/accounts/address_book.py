"""Staff pages for billing addresses and contacts of clients."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import CLIENTS_MANAGE
from puqpanel.domain.texts import _
from puqpanel.operations.accounts import addresses, contacts
from puqpanel.operations.accounts.clients import find_client
from puqpanel.web.address_book import address_page, contact_page
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.guard import actor, allow
from puqpanel.web.navigation import crumbs

bp = Blueprint("address_book", __name__, url_prefix="/clients/<uuid>")
FORM_TEMPLATE = "admin/form.html"


@bp.route("/addresses/new", methods=["GET", "POST"])
@bp.route("/addresses/<address>", methods=["GET", "POST"])
@allow(CLIENTS_MANAGE)
def address(uuid: str, address: str = "") -> ResponseReturnValue:
    """Add an address to a client, or change one."""
    client, back = find_client(uuid), url_for("admin.clients.show", uuid=uuid)
    return address_page(client, address, back, FORM_TEMPLATE, crumbs=crumbs("clients", client))


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
    client, back = find_client(uuid), url_for("admin.clients.show", uuid=uuid)
    return contact_page(client, contact, back, FORM_TEMPLATE, crumbs=crumbs("clients", client))


@bp.post("/contacts/<contact>/delete")
@allow(CLIENTS_MANAGE)
def delete_contact(uuid: str, contact: str) -> ResponseReturnValue:
    """Delete a contact."""
    contacts.delete_contact(actor=actor(), client_uuid=uuid, uuid=contact)
    flash(_("Contact deleted."), "good")
    return redirect(url_for("admin.clients.show", uuid=uuid))
