"""Billing addresses and contacts of the current client."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import (
    CLIENT_BILLING_MANAGE,
    CLIENT_BILLING_VIEW,
    CLIENT_PROFILE_MANAGE,
    CLIENT_PROFILE_VIEW,
)
from puqpanel.domain.texts import _
from puqpanel.models import Client
from puqpanel.operations.accounts import addresses, contacts
from puqpanel.operations.accounts.clients import find_client
from puqpanel.web.address_book import address_page, contact_page
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.guard import actor, current_client, customer
from puqpanel.web.own_details import details_page

bp = Blueprint("address_book", __name__, url_prefix="/address-book")
FORM_TEMPLATE = "client/accounts/address_book_form.html"


@bp.get("/")
@customer(CLIENT_PROFILE_VIEW)
def index() -> ResponseReturnValue:
    """List the addresses, and the contacts if the user may see them."""
    return _page()


@bp.get("/contacts")
@customer(CLIENT_BILLING_VIEW)
def listed() -> ResponseReturnValue:
    """List the contacts, and the addresses if the user may see them."""
    return _page()


def _page() -> ResponseReturnValue:
    client = _client()
    return render_template(
        "client/accounts/address_book.html", client=client, addresses=addresses.addresses_of(client)
    )


@bp.route("/details", methods=["GET", "POST"])
@customer(CLIENT_PROFILE_MANAGE)
def details() -> ResponseReturnValue:
    """Change the default address, the company and the VAT number."""
    index = url_for("client.address_book.index")
    title, label = _("Billing details"), _("Save billing details")
    return details_page(_client(), index, FORM_TEMPLATE, title=title, label=label)


@bp.route("/addresses/new", methods=["GET", "POST"])
@bp.route("/addresses/<address>", methods=["GET", "POST"])
@customer(CLIENT_PROFILE_MANAGE)
def address(address: str = "") -> ResponseReturnValue:
    """Add an address, or change one."""
    index = url_for("client.address_book.index")
    return address_page(_client(), address, index, FORM_TEMPLATE)


@bp.post("/addresses/<address>/default")
@customer(CLIENT_PROFILE_MANAGE)
def make_default(address: str) -> ResponseReturnValue:
    """Make an address the default one."""
    with flashed_errors(InvalidInput):
        addresses.make_default(actor=actor(), client_uuid=_client().uuid, uuid=address)
        flash(_("Default address changed."), "good")
    return redirect(url_for("client.address_book.index"))


@bp.post("/addresses/<address>/delete")
@customer(CLIENT_PROFILE_MANAGE)
def delete_address(address: str) -> ResponseReturnValue:
    """Delete an address."""
    with flashed_errors(ConflictError):
        addresses.delete_address(actor=actor(), client_uuid=_client().uuid, uuid=address)
        flash(_("Address deleted."), "good")
    return redirect(url_for("client.address_book.index"))


@bp.route("/contacts/new", methods=["GET", "POST"])
@bp.route("/contacts/<contact>", methods=["GET", "POST"])
@customer(CLIENT_BILLING_MANAGE)
def contact(contact: str = "") -> ResponseReturnValue:
    """Add a contact, or change one."""
    listed = url_for("client.address_book.listed")
    return contact_page(_client(), contact, listed, FORM_TEMPLATE)


@bp.post("/contacts/<contact>/delete")
@customer(CLIENT_BILLING_MANAGE)
def delete_contact(contact: str) -> ResponseReturnValue:
    """Delete a contact."""
    contacts.delete_contact(actor=actor(), client_uuid=_client().uuid, uuid=contact)
    flash(_("Contact deleted."), "good")
    return redirect(url_for("client.address_book.listed"))


def _client() -> Client:
    current = current_client()
    return find_client(current.uuid if current else "")
