"""Demo data of billing: a company, addresses, and documents in several states."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Company, Document
from puqpanel.operations.billing import companies, credit_notes, documents, issuing, payments, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line

COMPANY = {
    "name": "Example Hosting sp. z o.o.",
    "country": "PL",
    "street": "ul. Morska 14",
    "postcode": "81-323",
    "city": "Gdynia",
    "vat_number": "PL5260250274",
    "email": "billing@hosting.example",
    "website": "hosting.example",
    "bank": "Example Bank",
    "iban": "PL61109010140000071219812874",
    "bic": "WBKPPLPP",
    "zone": "Europe/Warsaw",
}
ADDRESSES = {
    "anna@example.test": ("Storgata 12", "0184", "Oslo"),
    "tomasz@example.test": ("ul. Długa 5", "80-827", "Gdańsk"),
    "it@lumen.example.test": ("Altstädter Straße 17", "20095", "Hamburg"),
}


def create_company() -> None:
    """Create the company and addresses, unless there is a company."""
    if session().scalar(sa.select(Company.id).limit(1)) is not None:
        return
    taxes.load_eu_rates(actor=CLI)
    companies.save_company(actor=CLI, uuid=None, values=COMPANY)
    with transaction():
        for email, (street, postcode, city) in ADDRESSES.items():
            client = session().scalar(sa.select(Client).where(Client.email == email))
            if client is not None:
                client.street, client.postcode, client.city = street, postcode, city


def create_documents() -> None:
    """Create documents of today in several states, unless the clients have documents."""
    of_them = sa.select(Document.id).join(Client, Client.id == Document.client_id)
    if session().scalar(of_them.where(Client.email.in_(ADDRESSES)).limit(1)) is not None:
        return
    for email in ADDRESSES:
        found = session().scalar(sa.select(Client.uuid).where(Client.email == email))
        if found is not None:
            _documents(found)


def _documents(client_uuid: str) -> None:
    """Issue a paid, a partly paid and a credited invoice, and leave a draft."""
    paid = _issued(client_uuid, Line("Setup of a mail server", Decimal(120)))
    payments.mark_paid(actor=CLI, document_uuid=paid, reason="Bank statement 30")
    part = _issued(
        client_uuid,
        Line("Moving mailboxes", Decimal(64), Decimal("2.5"), "Three large mailboxes"),
        Line("Discount", Decimal(-10)),
    )
    amount = Money(5000, documents.find_document(part).currency)
    payments.mark_paid(actor=CLI, document_uuid=part, reason="Bank statement 31", amount=amount)
    credited = _issued(client_uuid, Line("Extra traffic", Decimal("14.40")))
    credit_notes.credit(actor=CLI, uuid=credited, reason="Measured twice")
    draft = Draft([Line("Consulting", Decimal(80), Decimal(2))])
    documents.create_draft(actor=CLI, client_uuid=client_uuid, draft=draft)


def _issued(client_uuid: str, *lines: Line) -> str:
    document = documents.create_draft(actor=CLI, client_uuid=client_uuid, draft=Draft(lines))
    return issuing.issue(actor=CLI, uuid=document.uuid).uuid
