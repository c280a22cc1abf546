"""The way of money through a panel around a lab: a document, its payment page and webhooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import sqlalchemy as sa

from puqpanel.domain.payment_states import PaymentStatus
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import clock
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import ConfiguredModule, Document, Payment
from puqpanel.models import PaymentAttempt as AttemptRow
from puqpanel.models.columns import new_uuid
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import (
    books,
    companies,
    documents,
    issuing,
    ledger,
    payment_events,
)
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.system import currencies
from puqpanel.sdk.attempt import PaymentAttempt
from puqpanel.sdk.testing.contract import Bench, NotTested, probe
from puqpanel.sdk.testing.pages import PASSWORD, Browser, Pages, pages
from puqpanel.sdk.testing.payment_simulator import PaymentSimulator

PRICE = Decimal("100")
COMPANY = {
    "name": "Lumen",
    "country": "UA",
    "street": "1 Main Street",
    "city": "Kyiv",
    "tax_number": "42424242",
    "vat_registered": False,
}


class Sale:
    """A company with a gateway of the module, and a client who is signed in.

    Attributes:
        provider: the simulated provider.
        gateway: UUID of the gateway.
        is_event_reader: whether the panel stores the webhooks before the module reads them.
    """

    def __init__(self, bench: Bench, panel: Pages, provider: PaymentSimulator) -> None:
        """Add the company, the gateway and the client."""
        self.lab, self.panel, self.provider = bench.lab, panel, provider
        self.bench = bench
        loaded = bench.lab.loaded
        self.is_event_reader = payment_events.is_event_reader(loaded)
        bench.lab.hold = True
        known = {"", *currencies.enabled_codes()}
        for code in {provider.currency, provider.other_currency} - known:
            currencies.add_currency(actor=AUTOMATION, code=code)
        self.company = companies.save_company(actor=AUTOMATION, uuid=None, values=COMPANY)
        email = f"{new_uuid()}@example.test"
        created = clients.create_client(
            actor=AUTOMATION,
            name="Anna Berg",
            email=email,
            country="UA",
            currency=provider.currency,
            user_password=PASSWORD,
        )
        self.client_uuid = created.uuid
        with transaction() as current:
            row = ConfiguredModule(
                type=loaded.type,
                name=loaded.name,
                title="Gateway",
                active=True,
                data=dict(bench.supply.settings),
            )
            current.add(row)
            current.flush()
            self.gateway = row.uuid
        self.address = f"/webhooks/Payment/{loaded.name}/{self.gateway}"
        self.browser = Browser(panel.app).sign_in(email, "/client")

    def issue(self, price: Decimal = PRICE) -> Document:
        """Issue an invoice."""
        draft = documents.create_draft(
            actor=AUTOMATION,
            client_uuid=self.client_uuid,
            draft=Draft([Line("Hosting", price)]),
        )
        return issuing.issue(actor=AUTOMATION, uuid=draft.uuid)

    def open(
        self, document: Document, *, save_method: bool = False, gateway: str = ""
    ) -> PaymentAttempt:
        """Choose the gateway, or a saved method, and open the payment page, as the client does."""
        values = {"documents": [document.uuid], "gateway": gateway or self.gateway}
        if save_method:
            values["save_method"] = "y"
        answer = self.browser.post("/client/payments/new", values)
        assert answer.status_code == 302 and "/client/payments/" in answer.location, (
            f"The client can't open the payment: {self.lab.last_failure() or answer.status_code}."
        )
        page = self.browser.get(answer.location)
        assert page.status_code == 200, f"The payment page returned {page.status_code}."
        assert not (failure := self.lab.last_failure()), f"The payment page failed: {failure}"
        release()
        session().expire_all()
        newest = sa.select(AttemptRow.uuid).order_by(AttemptRow.id.desc()).limit(1)
        return PaymentAttempt.find(session().scalars(newest).one())

    def pay(
        self, attempt: PaymentAttempt, amount: Decimal | None = None, currency: str = ""
    ) -> bytes:
        """Let the client pay at the provider: all, unless an amount or currency is given."""
        return self.provider.pay(
            attempt, attempt.amount if amount is None else amount, currency or attempt.currency
        )

    def deliver(self, body: bytes) -> None:
        """Deliver a signed webhook, which must be accepted, and read it."""
        status = self.post(body, self.sign(body))
        assert 200 <= status < 300, (
            f"The provider's own message returned {status}. {self.lab.last_failure()}".strip()
        )
        self.work()

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the headers of a webhook that is sent now."""
        return dict(self.provider.sign(body, clock.now()))

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Send a webhook and return the status of the answer."""
        kind = {"Content-Type": "application/json"} | headers
        return self.panel.anybody.http.post(self.address, data=body, headers=kind).status_code

    def work(self) -> None:
        """Run every task that waits, once."""
        self.lab.work_off(rounds=1)
        release()

    def payments(self) -> Sequence[Payment]:
        """Return the payments that the panel knows, as they are in the database."""
        release()
        session().expire_all()
        return session().scalars(sa.select(Payment).order_by(Payment.id)).all()

    def lose_answer(self, path: str) -> None:
        """Run the tasks while the provider does what it is asked for, but its answers are lost.

        All of them, because clients of providers repeat a request themselves.

        Args:
            path: pattern of the path of the request; any that changes something if it is empty.
        """
        struck = self.bench.faults.struck
        self.bench.faults.fail("drop_after", path=path, times=100_000, changing=True)
        self.work()
        self.bench.faults.heal()
        if self.bench.faults.struck == struck:
            raise NotTested("The module changes nothing at the provider.")

    def expect(self, document: Document, status: str, *amounts: Decimal) -> None:
        """Assert how a document is paid, and which payments arrived, each once."""
        ended = (PaymentStatus.FAILED, PaymentStatus.CANCELLED)
        found = [
            (row.amount.major, str(row.status))
            for row in self.payments()
            if row.status not in ended
        ]
        expected = [(amount, "succeeded") for amount in amounts]
        assert found == expected, (
            f"The payments are {_shown(found)}, not {_shown(expected)}. {self.notes()}".strip()
        )
        self.expect_status(document, status)

    def expect_status(self, document: Document, status: str) -> None:
        """Assert the status of a document."""
        now = documents.find_document(document.uuid).status
        assert now == status, f"The invoice is {now}, not {status}."

    def expect_credit(self, amount: Decimal) -> None:
        """Assert the credit of the client, which is in the currency of the documents."""
        client = clients.find_client(self.client_uuid)
        found = {each.currency: each.major for _, each in ledger.credits_of(client) if each}
        expected = {self.provider.currency: amount} if amount else {}
        assert found == expected, f"The credit of the client is {found}, not {expected}."

    def notes(self) -> str:
        """Return what the tasks said."""
        return " ".join(note for _method, _status, note in self.lab.tasks() if note)

    def check(self) -> None:
        """Check that documents, payments, credit and the ledger agree."""
        release()
        session().expire_all()
        found = [each for step in (*books.check(), *books.verify()) for each in step.problems]
        assert not found, f"The books: {found[0].subject}: {found[0].text}"


def _shown(found: Sequence[tuple[Decimal, str]]) -> str:
    return ", ".join(f"{amount} {status}" for amount, status in found) or "none"


def card(name: str) -> Callable[[Callable[[Sale], str]], Callable[[Sale], str]]:
    """Register a function as a probe of Payment modules: it runs a sale, then books are checked."""

    def register(work: Callable[[Sale], str]) -> Callable[[Sale], str]:
        @probe(f"money: {name}", "Payment")
        def run(bench: Bench) -> str:
            if "post" not in bench.lab.loaded.webhooks:
                raise NotTested("The module has no webhook.")
            if bench.supply.money is None:
                raise NotTested("tests/provider.py supplies no money.")
            with pages(bench.lab) as panel:
                bench.lab.serve()  # the module as the lab prepared it
                sale = Sale(bench, panel, bench.supply.money)
                try:
                    message = work(sale)
                except NotImplementedError as missing:
                    raise NotTested(str(missing)) from missing
                sale.check()
                return message

        return work

    return register
