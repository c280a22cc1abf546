"""Confirm VAT numbers at VIES, the EU's service, and keep its answers as evidence.

While a number is pending, tax is charged. Staff can confirm or refuse a number themselves, for
example after a call to the tax office.

Source: https://ec.europa.eu/taxation_customs/vies/#/technical-information (REST API).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, ExternalServiceError, InvalidInput
from puqpanel.domain.permissions import CLIENTS_MANAGE
from puqpanel.domain.principals import AUTOMATION, Principal
from puqpanel.domain.task_states import OPEN, OnLoss
from puqpanel.domain.tax_rules import EU, VatStatus
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.http import Wire
from puqpanel.models import Client, Task, VatCheck
from puqpanel.operations.system import audit
from puqpanel.tasks import add

SERVICE = "https://ec.europa.eu/taxation_customs/vies/rest-api"
JOB = "VatCheckJob"
TIMEOUT = 20.0
TRIES = 8
_KEPT = ("countryCode", "vatNumber", "valid", "requestDate", "requestIdentifier", "name", "address")


def checks(client: Client) -> list[VatCheck]:
    """Return the checks of a client's VAT numbers, the last one first."""
    query = sa.select(VatCheck).where(VatCheck.client_id == client.id)
    return list(session().scalars(query.order_by(VatCheck.id.desc()).limit(20)))


def request_check(client: Client, actor: Principal = AUTOMATION) -> None:
    """Add the task that asks VIES about a client's VAT number.

    If VIES doesn't answer in any of its attempts, `check_pending` adds another one.
    """
    add.add(
        job=JOB,
        queue="System",
        data={"client": client.uuid, "number": client.vat_number},
        title="Check a VAT number at VIES",
        subject_type="client",
        subject_uuid=client.uuid,
        tries=TRIES,
        backoff=600,
        on_loss=OnLoss.REPEAT,
        actor=actor,
    )


def check_pending() -> int:
    """Add a check for each client in the EU whose number is pending and which has no open check.

    Returns:
        How many were added.
    """
    has_check = sa.exists().where(
        Task.subject_type == "client",
        Task.subject_uuid == Client.uuid,
        Task.job == JOB,
        Task.status.in_(OPEN),
    )
    query = sa.select(Client).where(
        Client.vat_status == VatStatus.PENDING,
        Client.vat_number != "",
        Client.country.in_(EU),
        ~has_check,
    )
    found = session().scalars(query.order_by(Client.id)).all()
    for client in found:
        request_check(client)
    return len(found)


def check_changed(name: str, payload: Mapping[str, Any]) -> None:
    """Have a number checked that was entered: a recorder of the panel's events.

    Args:
        name: the event.
        payload: its values.
    """
    if name == "client.vat_number_changed":
        request_check(_lock(payload["client_uuid"]))


@transaction()
def check_again(*, actor: Principal, client_uuid: str) -> None:
    """Have a client's VAT number checked at VIES; it is pending meanwhile.

    Raises:
        ConflictError: the client has none.
    """
    actor.require(CLIENTS_MANAGE)
    client = _lock(client_uuid)
    if not client.vat_number:
        raise ConflictError(_("%(name)s has no VAT number.", name=client.name))
    client.vat_status = VatStatus.PENDING
    request_check(client, actor)


@transaction()
def decide(*, actor: Principal, client_uuid: str, number: str, status: str, reason: str) -> None:
    """Confirm or refuse a client's VAT number by hand.

    Args:
        actor: who decides.
        client_uuid: the client.
        number: the VAT number that was checked.
        status: CONFIRMED or REFUSED.
        reason: how it was checked; required, and kept as evidence.

    Raises:
        ConflictError: the client has no VAT number, or another one by now.
        InvalidInput: the status or the reason is missing.
    """
    actor.require(CLIENTS_MANAGE)
    client = _lock(client_uuid)
    if not client.vat_number:
        raise ConflictError(_("%(name)s has no VAT number.", name=client.name))
    if client.vat_number != number:
        text = _(
            "The VAT number was changed to %(number)s in the meantime. Reload the page.",
            number=client.vat_number,
        )
        raise ConflictError(text)
    if status not in (VatStatus.CONFIRMED, VatStatus.REFUSED):
        raise InvalidInput({"status": [_("Select an option from the list.")]})
    if not reason.strip():
        raise InvalidInput({"reason": [_("Enter how you checked the number.")]})
    _settle(client, status, {"checked_by": actor.name, "reason": reason.strip()}, actor)


def ask(client_uuid: str, number: str) -> Text:
    """Ask VIES about a VAT number and keep the answer; called by the task, outside a transaction.

    Args:
        client_uuid: the client.
        number: its VAT number when the task was added; if it has another one now, nothing is done.

    Returns:
        A sentence about the result.

    Raises:
        ExternalServiceError: VIES did not answer.
    """
    answer = _answer(number)
    status = VatStatus.CONFIRMED if answer["valid"] else VatStatus.REFUSED
    with transaction():
        client = _lock(client_uuid)
        if client.vat_number != number or client.vat_status != VatStatus.PENDING:
            return _("The VAT number was changed or settled in the meantime.")
        _settle(client, status, answer, AUTOMATION)
    return STATUS_TEXTS[status]


STATUS_TEXTS = {
    VatStatus.CONFIRMED: _("The VAT number is confirmed."),
    VatStatus.REFUSED: _("The VAT number is not valid."),
}


def _answer(number: str) -> dict[str, Any]:
    wire = Wire(timeout=TIMEOUT)
    try:
        reply = wire.send(
            "POST",
            f"{SERVICE}/check-vat-number",
            json={"countryCode": number[:2], "vatNumber": number[2:]},
        )
    finally:
        wire.close()
    try:
        answer = json.loads(reply.body) if reply.status_code == 200 else None
    except ValueError:
        answer = None
    # a member state that is away is an answer without `valid`, or with a user error
    if not isinstance(answer, dict) or not isinstance(answer.get("valid"), bool):
        raise ExternalServiceError(_("VIES did not answer. Tax is charged until it does."))
    return {
        key: str(answer[key])[:1000] if key != "valid" else answer[key]
        for key in _KEPT
        if key in answer
    }


def _settle(client: Client, status: str, answer: dict[str, Any], actor: Principal) -> None:
    client.vat_status = status
    save(VatCheck(client_id=client.id, number=client.vat_number, status=status, answer=answer))
    audit.record(
        actor=actor,
        action="client.vat_checked",
        subject_type="client",
        subject_uuid=client.uuid,
        summary=STATUS_TEXTS[VatStatus(status)],
        after={"vat_number": client.vat_number, "vat_status": str(status)},
    )


def _lock(uuid: str) -> Client:
    query = sa.select(Client).where(Client.uuid == uuid).with_for_update(of=Client)
    return find(query.execution_options(populate_existing=True), _("Client not found."))
