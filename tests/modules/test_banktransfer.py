"""BankTransfer: what clients see, and staff who import, match and confirm."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.host import calls
from puqpanel.infra.clock import now
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Payment as PaymentRow
from puqpanel.models.billing.documents import Document
from puqpanel.operations.billing import gateways
from puqpanel.operations.modules import configured_modules, module_settings
from puqpanel.sdk import Invoice, Payment, PaymentAttempt, PaymentReport, Result
from tests.conftest import STAFF
from tests.modules.plugins import PluginHarness
from tests.operations.billing.conftest import client, company, invoice  # noqa: F401
from tests.sample import activate

IBAN = "DE89370400440532013000"
ACCOUNTS = f"EUR; Lumen <b>; {IBAN}; COBADEFFXXX\nPLN; Lumen; PL61109010140000071219812874"
HEAD = "Day;Name;Title;Sum"
NO_COLUMNS = dict.fromkeys(
    [
        "day",
        "amount",
        "direction",
        "currency",
        "payer",
        "payer_account",
        "bank_id",
        "encoding",
        "delimiter",
        "mark",
        "dates",
    ],
    "",
)
COLUMNS = NO_COLUMNS | {"day": "Day", "amount": "Sum", "payer": "Name", "text": ["Title"]}


class Transfers(PluginHarness):
    """A gateway, and what it reported to the panel."""

    def __init__(self, panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(panel, "BankTransfer", "Payment")
        self.uuid = configured_modules.create_instance(
            actor=STAFF, module_type="Payment", module=self.module.key, title="Transfer"
        ).uuid
        self.save(accounts=ACCOUNTS, days="7")
        self.reported: list[tuple[str, PaymentReport]] = []
        self.answer = Result.success()
        transfers = self

        def report_payments(self: Any, reports: Any) -> Result:
            transfers.reported += [(self.instance_uuid, report) for report in reports]
            return transfers.answer

        monkeypatch.setattr(Payment, "report_payments", report_payments)

    def save(self, **data: str) -> None:
        module_settings.save_settings(actor=STAFF, uuid=self.uuid, data=data)

    def call(self, method: str, *args: Any) -> Any:
        called = calls.invoke(calls.Call(self.module, method, args, instance_uuid=self.uuid))
        assert called.ok, called.error
        return called.value

    def start(self, found: Invoice | None = None, **changed: Any) -> Any:
        attempt = PaymentAttempt.sample()
        if found is not None:
            attempt = replace(
                attempt, uuid=f"attempt-{found.number}", amount=found.due_amount, invoice=found
            )
        return self.call("start_payment", replace(attempt, **changed))

    def lines(self) -> list[Any]:
        return self.all(sys.modules[f"{self.module.package}.models.statements"].Line)

    def upload(self, browser: Any, *rows: str, columns: bool = True, head: str = HEAD) -> str:
        """Import a CSV file with these rows, and return the page that follows."""
        content = "\n".join([head, *rows]).encode()
        answer = self.post_file(browser, content)
        if "/import/" in (answer.headers.get("Location") or "") and columns:
            answer = browser.post(answer.headers["Location"], data=COLUMNS)
        assert answer.status_code == 302, answer.text
        return str(browser.get(answer.headers["Location"]).text)

    def post_file(self, browser: Any, content: bytes, account: str = "") -> Any:
        return browser.post(
            f"{self.at}/import",
            data={
                "account": account or f"{self.uuid}/{IBAN}",
                "file": (io.BytesIO(content), "statement.csv"),
            },
            content_type="multipart/form-data",
        )

    def decide(self, browser: Any, do: str, matches: dict[int, str]) -> str:
        data: dict[str, Any] = {"do": do, "line": [str(one) for one in matches]}
        data |= {f"match-{one}": key for one, key in matches.items()}
        answer = browser.post(f"{self.at}/lines", data=data)
        assert answer.status_code == 302, answer.text
        return str(browser.get(answer.headers["Location"]).text)

    def suggest(self) -> dict[str, list[tuple[str, str, str]]]:
        """Return the grade, reason and number of each suggestion, by the title of the line."""
        part = sys.modules[f"{self.module.package}.services.matching"]
        lines = self.lines()
        return {
            line.text: [(one.grade, one.reason, one.number) for one in found]
            for line in lines
            for found in [part.suggest(lines)[line.id]]
        }


@pytest.fixture
def transfers(
    settings: Settings, app: Panel, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Transfers]:
    with app.app_context():
        activate(app, STAFF, "BankTransfer", "Payment")
    panel = Live(settings).ensure()
    assert panel.registry.modules["Payment/BankTransfer"].warnings == ()
    with panel.app_context():
        yield Transfers(panel, monkeypatch)
    dismantle(panel)


@pytest.fixture
def panel(transfers: Transfers) -> Panel:
    """For the fixtures of documents."""
    return transfers.panel


def due(document: Document) -> Invoice:
    (found,) = Invoice.find_open(document.currency, numbers=[str(document.number)])
    return found


# What clients see


def test_the_tables_are_those_of_the_models(transfers: Transfers) -> None:
    assert transfers.differences() == []


def test_a_reference_is_kept_for_the_documents_of_an_attempt(transfers: Transfers) -> None:
    first = transfers.start()
    assert first.outside_id.startswith("BT") and len(first.outside_id) == 10 and not first.url
    assert first.data == {"reference": first.outside_id}
    assert timedelta(days=6.9) < first.expires_at - now() < timedelta(days=7.1)
    assert transfers.start(uuid="another", amount=Decimal("1.50")).outside_id == first.outside_id
    other = replace(Invoice.sample(), number="SAMPLE-0001, SAMPLE-0002")
    assert transfers.start(other).outside_id != first.outside_id
    transfers.save(accounts=ACCOUNTS, days="14")
    assert transfers.start().expires_at - now() > timedelta(days=13)


def test_clients_see_the_account_of_their_currency(transfers: Transfers) -> None:
    attempt = replace(PaymentAttempt.sample(), outside_id="BT7K2M9QXA")
    page = transfers.call("get_client_area_html", {"invoice": attempt.invoice, "attempt": attempt})
    assert "BT7K2M9QXA" in page and "DE89 3704 0044" in page and "Lumen &lt;b&gt;" in page
    assert 'data-copy="21.90"' in page and "data:image/svg+xml;base64," in page
    zloty = replace(PaymentAttempt.sample("PLN"), outside_id="BT7K2M9QXA")
    page = transfers.call("get_client_area_html", {"invoice": zloty.invoice, "attempt": zloty})
    assert "PL61 1090" in page and "your bank converts it" not in page
    dollar = replace(PaymentAttempt.sample("USD"), outside_id="BT7K2M9QXA")
    page = transfers.call("get_client_area_html", {"invoice": dollar.invoice, "attempt": dollar})
    assert "DE89 3704" in page and "your bank converts it" in page and "data:image" not in page


def test_settings_say_what_is_wrong(transfers: Transfers) -> None:
    called = transfers.call("test_connection")
    assert called.message == "The accounts for EUR, PLN are valid."
    called = transfers.call("save_module_data", {"accounts": "EUR;x", "days": "0"})
    assert set(called["errors"]) == {"accounts", "days"}


def test_refunds_are_recorded_as_made_elsewhere(transfers: Transfers) -> None:
    (gateway,) = configured_modules.list_instances("Payment")
    assert not gateways.supports(gateway, "refund")


# The import


def test_a_file_counts_once_and_columns_are_kept(transfers: Transfers) -> None:
    browser = transfers.owner()
    rows = ("2026-11-02;Anna;one;5,00", "2026-11-02;Anna;one;5,00", "2026-11-03;Bo;out;-1,00")
    page = transfers.upload(browser, *rows)
    assert "2 new transfers." in page and "1 line is not an incoming transfer." in page
    page = transfers.upload(browser, *rows, columns=False)
    assert "0 new transfers. 2 were known already." in page
    page = transfers.upload(browser, *rows, "2026-11-04;Cy;two;7,00", columns=False)
    assert "1 new transfer. 2 were known already." in page
    assert [(line.payer, line.amount) for line in transfers.lines()] == [
        ("Anna", Decimal("5.00")),
        ("Anna", Decimal("5.00")),
        ("Cy", Decimal("7.00")),
    ]
    page = browser.get(f"{transfers.at}/import").text
    assert page.count("statement.csv") == 3 and "Olga Owner" in page


def test_a_file_with_other_columns_asks_again(transfers: Transfers) -> None:
    browser = transfers.owner()
    transfers.upload(browser, "2026-11-02;Anna;one;5,00")
    answer = transfers.post_file(browser, b"Datum;Wer;Was;Betrag\n2026-11-03;Bo;two;6,00\n")
    page = browser.get(answer.headers["Location"])
    assert page.status_code == 200 and "Betrag" in page.text and "Bo" in page.text
    at = answer.headers["Location"]
    for day, amount in (("Wer", "Betrag"), ("Datum", ""), ("Datum", "invented")):
        wrong = browser.post(at, data=NO_COLUMNS | {"day": day, "amount": amount})
        assert wrong.status_code == 422
    right = NO_COLUMNS | {"day": "Datum", "amount": "Betrag"}
    assert browser.post(at, data=right).status_code == 302
    assert browser.post(at, data=right).status_code == 404, "it has been imported"
    assert len(transfers.lines()) == 2


def test_a_date_column_without_dates_is_refused(transfers: Transfers) -> None:
    browser = transfers.owner()
    answer = transfers.post_file(browser, b"Day;Name;Sum\n2026-11-03;Bo;6,00\n")
    refused = browser.post(
        answer.headers["Location"], data=NO_COLUMNS | {"day": "Name", "amount": "Sum"}
    )
    assert refused.status_code == 422 and "no dates" in refused.text
    assert transfers.lines() == []
    page = transfers.at + "/import"
    assert "Choose columns" in browser.get(page).text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b" ", "The file is empty."),
        (b"x" * 1001, "larger than 5 MB"),
        (b"%PDF-1.4", "not a text file"),
        (b"<html>", "damaged"),
        (b"hello", "no columns"),
        (
            b":20:S\n:25:PL61109010140000071219812874\n:60F:C261101EUR0,\n",
            "The file is of the account PL61109010140000071219812874",
        ),
    ],
)
def test_files_that_are_refused(
    transfers: Transfers, monkeypatch: pytest.MonkeyPatch, content: bytes, problem: str
) -> None:
    importing = sys.modules[f"{transfers.module.package}.services.importing"]
    monkeypatch.setattr(importing, "MOST_BYTES", 1000)
    browser = transfers.owner()
    answer = transfers.post_file(browser, content)
    assert answer.status_code == 422 and problem in answer.text
    assert transfers.post_file(browser, b"x", account="unknown").status_code == 422


@pytest.mark.parametrize("account", ["37040044/0532013000", IBAN, f"{IBAN}EUR", "0532013000"])
def test_mt940_names_accounts_in_several_ways(transfers: Transfers, account: str) -> None:
    content = (
        f":20:S\n:25:{account}\n:28C:1\n:60F:C261101EUR0,00\n"
        ":61:2611021102C5,00NTRFNONREF\n:86:hello\n:62F:C261102EUR5,00\n"
    )
    assert transfers.post_file(transfers.owner(), content.encode()).status_code == 302
    (line,) = transfers.lines()
    assert (line.account, line.text, line.currency) == (IBAN, "hello", "EUR")


def test_formulas_and_html_are_text(transfers: Transfers) -> None:
    page = transfers.upload(transfers.owner(), "2026-11-02;<b>;=1+1;5,00")
    assert "&lt;b&gt;" in page and "=1+1" in page


# Matching


def test_grades_of_suggestions(
    transfers: Transfers,
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    asked, other, third = invoice("10"), invoice("20"), invoice("30")
    reference = transfers.start(due(asked)).outside_id
    amounts = [str(one.total.major) for one in (asked, other, third)]
    transfers.upload(
        transfers.owner(),
        f"2026-11-02;X;{reference.lower()} a;{amounts[0]}",
        f"2026-11-02;X;{reference} b;1.00",
        f"2026-11-02;X;no {other.number};{amounts[1]}",
        f"2026-11-02;X;part {other.number};2.00",
        f"2026-11-02;GESLA ZAZOLC;hosting;{amounts[2]}",
        f"2026-11-02;Somebody;hosting 2;{amounts[2]}",
        f"2026-11-02;X;{reference} {asked.number};{amounts[0]}",
    )
    assert transfers.suggest() == {
        f"{reference.lower()} a": [("exact", "reference", asked.number)],
        f"{reference} b": [("likely", "reference", asked.number)],
        f"no {other.number}": [("exact", "number", other.number)],
        f"part {other.number}": [("likely", "number", other.number)],
        "hosting": [("likely", "name", third.number)],
        "hosting 2": [],
        f"{reference} {asked.number}": [("exact", "reference", asked.number)],
    }


def test_late_money_is_matched(
    transfers: Transfers,
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    asked = invoice("10")
    reference = transfers.start(due(asked)).outside_id
    transfers.upload(transfers.owner(), f"2027-12-24;X;{reference};{asked.total.major}")
    assert transfers.suggest()[reference] == [("exact", "reference", asked.number)]


# Decisions


def test_confirmed_lines_are_reported_once(
    transfers: Transfers,
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    browser, asked, other = transfers.owner(), invoice("10"), invoice("20")
    reference = transfers.start(due(asked)).outside_id
    page = transfers.upload(
        browser,
        f"2026-11-02;Anna;{reference};{asked.total.major}",
        f"2026-11-02;Bo;{other.number};{other.total.major}",
        "2026-11-02;Cy;gift;3.00",
    )
    assert page.count("checked") == 2, "exact matches are ticked"
    first, second, third = (line.id for line in transfers.lines())
    page = transfers.decide(browser, "confirm", {first: reference, second: other.uuid, third: ""})
    assert "3 transfers booked." in page
    ids = {line.digest for line in transfers.lines()}
    (_, one), (_, two), (_, three) = transfers.reported
    assert one == PaymentReport(
        outside_id=one.outside_id,
        status="succeeded",
        amount=asked.total.major,
        currency="EUR",
        attempt=f"attempt-{asked.number}",
        checkout=reference,
        reference=reference,
        payer="Anna",
        paid_on=date(2026, 11, 2),
    )
    assert (two.invoice, two.attempt, two.checkout) == (other.uuid, "", "")
    assert (three.invoice, three.reference) == ("", "gift")
    assert {one.outside_id, two.outside_id, three.outside_id} == ids
    assert {gateway for gateway, _ in transfers.reported} == {transfers.uuid}
    assert transfers.call("observe_payment", reference) == [one]
    page = transfers.decide(browser, "confirm", {first: reference})
    assert "have changed meanwhile" in page and len(transfers.reported) == 3
    assert str(other.number) in browser.get(f"{transfers.at}/lines?state=booked").text


def test_a_line_that_the_panel_refuses_is_reported_again(transfers: Transfers) -> None:
    browser = transfers.owner()
    transfers.upload(browser, "2026-11-02;Cy;gift;3.00")
    (line,) = transfers.lines()
    transfers.answer = Result.error("The ledger is closed.")
    page = transfers.decide(browser, "confirm", {line.id: ""})
    assert "could not be booked yet" in page and "The ledger is closed." in page
    assert transfers.job("book").value["data"] == {"booked": 0, "failed": 1}
    transfers.answer = Result.success()
    assert transfers.job("book").value["data"] == {"booked": 1, "failed": 0}
    assert transfers.job("book").value["data"] == {"booked": 0, "failed": 0}
    (line,) = transfers.lines()
    assert (line.state, line.error) == ("booked", "")
    assert len({report.outside_id for _, report in transfers.reported}) == 1


def test_ignored_lines_can_be_restored(transfers: Transfers) -> None:
    browser = transfers.owner()
    transfers.upload(browser, "2026-11-02;Cy;rent;3.00")
    (line,) = transfers.lines()
    assert "1 transfer ignored." in transfers.decide(browser, "ignore", {line.id: ""})
    assert transfers.lines()[0].state == "ignored" and transfers.reported == []
    assert "1 transfer restored." in transfers.decide(browser, "restore", {line.id: ""})
    assert transfers.lines()[0].state == "new"
    assert "Select at least one" in transfers.decide(browser, "confirm", {})


def test_an_invented_match_is_refused(
    transfers: Transfers,
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    browser, other = transfers.owner(), invoice("20")
    transfers.upload(browser, "2026-11-02;Cy;rent;3.00")
    (line,) = transfers.lines()
    assert "have changed meanwhile" in transfers.decide(browser, "confirm", {line.id: other.uuid})
    assert transfers.reported == [] and transfers.lines()[0].state == "new"


def test_viewing_does_not_allow_decisions(transfers: Transfers) -> None:
    transfers.upload(transfers.owner(), "2026-11-02;Cy;rent;3.00")
    clerk = transfers.clerk("view-statements")
    page = clerk.get(f"{transfers.at}/lines")
    assert page.status_code == 200 and "Confirm selected" not in page.text
    assert clerk.get(f"{transfers.at}/import").status_code == 403
    assert clerk.post(f"{transfers.at}/lines", data={"do": "ignore"}).status_code == 403


def test_a_confirmed_line_pays_its_document_once(
    transfers: Transfers,
    monkeypatch: pytest.MonkeyPatch,
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    monkeypatch.undo()  # the panel books what is reported
    browser, asked = transfers.owner(), invoice("10")
    transfers.upload(browser, f"2026-11-02;Anna;{asked.number};{asked.total.major}")
    (line,) = transfers.lines()
    page = transfers.decide(browser, "confirm", {line.id: asked.uuid})
    assert "1 transfer booked." in page
    (payment,) = transfers.all(PaymentRow)
    assert (payment.outside_id, payment.status) == (line.digest, "succeeded")
    assert [row.status for row in transfers.all(Document)] == ["paid"]
    transfers.call("report_payments", transfers.call("observe_payment", "") or [])
    assert len(transfers.all(PaymentRow)) == 1
