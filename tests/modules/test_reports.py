"""Reports: the pages, their periods, their CSV and their permissions."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Company, Document, Product, Service, Task, TaskAttempt
from puqpanel.operations.billing import payments
from puqpanel.operations.provisioning import services
from tests.modules.harness import STAFF
from tests.modules.plugins import PluginHarness, active_plugin
from tests.operations.billing.conftest import client, company, invoice  # noqa: F401
from tests.sample import make_service
from tests.web.conftest import Browser

TABLES = ("services", "tasks", "module_log", "documents", "entries")
PAGES = ("services", "income", "provisioning", "modules", "revenue", "tax", "receivables")
MONEY = ("income", "revenue", "tax", "receivables")


@pytest.fixture
def harness(settings: Settings, app: Panel) -> Iterator[PluginHarness]:
    """Return the active module."""
    with active_plugin(settings, app, "Reports") as plugin:
        yield plugin


@pytest.fixture
def owner(harness: PluginHarness) -> Browser:
    """Sign in as staff with all permissions."""
    return harness.owner()


@pytest.fixture
def trade(harness: PluginHarness) -> None:
    """Add four services of a product with a formula as name, one terminated, and their jobs."""
    first = make_service(STAFF, "")
    day = timedelta(days=1)
    with transaction() as current:
        current.execute(sa.update(Product).values(name='=HYPERLINK("http://x")'))
        service = services.find_service(first.uuid)
        service.status = "active"
        for status, age in (("active", 3), ("active", 200), ("terminated", 100)):
            gone = now() - 2 * day if status == "terminated" else None
            current.add(
                Service(
                    client_id=first.client_id,
                    product_id=first.product_id,
                    name=status,
                    status=status,
                    price_minor=990,
                    created_at=now() - age * day,
                    terminated_at=gone,
                    status_since=gone or now() - age * day,
                )
            )
        for status, note in (
            ("completed", ""),
            ("failed", "The cloud <is> full."),
            ("failed", "The cloud <is> full."),
            ("parked", ""),
        ):
            task = Task(
                job="ModuleJob",
                queue="Module",
                module="Product/Echo",
                status=status,
                note=note,
                subject_type="service",
                subject_uuid=first.uuid,
                ended_at=now() - day,
            )
            current.add(task)
            current.flush()
            current.add(
                TaskAttempt(
                    task_id=task.id,
                    number=1,
                    owner="worker",
                    started_at=now() - day,
                    ended_at=now() - day,
                    outcome=status,
                    message=note,
                )
            )


def rows(answer: Any) -> list[list[str]]:
    """Return the rows of a CSV response."""
    assert (answer.status_code, answer.mimetype, answer.text[0]) == (200, "text/csv", "\ufeff")
    return list(csv.reader(answer.text[1:].splitlines()))


def test_loads_without_warnings_and_tables(harness: PluginHarness) -> None:
    assert harness.module.warnings == ()
    assert harness.tables() <= {"mod_plugin_reports_version"}


def test_pages_of_an_empty_panel(harness: PluginHarness, owner: Browser) -> None:
    for page, sentence in zip(
        PAGES,
        (
            "No new or lost services",
            "No recurring revenue yet",
            "No finished jobs",
            "Plugin/Reports",
            "Nothing invoiced or received",
            "No invoice or credit note was issued in this period.",
            "Nothing is open",
        ),
        strict=True,
    ):
        answer = owner.get(f"{harness.at}/{page}")
        assert (answer.status_code, sentence in answer.text) == (200, True), page


def test_services(harness: PluginHarness, owner: Browser, trade: None) -> None:
    page = owner.get(f"{harness.at}/services").text
    assert (
        "2 new, 1 lost" in page,
        "Show as table" in page,
        "=HYPERLINK(&#34;http://x&#34;)" in page,
    ) == (True, True, True)
    assert "50 %" in page, "of the two at the start, one was lost"
    lines = rows(owner.get(f"{harness.at}/services?format=csv"))
    assert (lines[0], len(lines)) == (["start", "new", "lost"], 31)
    assert [sum(int(row[column]) for row in lines[1:]) for column in (1, 2)] == [2, 1]
    assert len(rows(owner.get(f"{harness.at}/services?period=12m&format=csv"))) == 13
    assert len(rows(owner.get(f"{harness.at}/services?period=90d&format=csv"))) in (14, 15), (
        "by week"
    )


def test_income_labels(harness: PluginHarness, owner: Browser, trade: None) -> None:
    page = owner.get(f"{harness.at}/income").text
    assert (
        "29.70" in page,
        "Per month, EUR" in page,
        "not invoiced or paid amounts." in page,
    ) == (True, True, True)
    assert rows(owner.get(f"{harness.at}/income?format=csv"))[1] == [
        '\'=HYPERLINK("http://x")',
        "EUR",
        "29.70",
        "3",
    ], "spreadsheets must not run it"


def test_recurring_revenue_by_month(harness: PluginHarness, owner: Browser, trade: None) -> None:
    page = owner.get(f"{harness.at}/income").text
    assert ("356.40" in page, "from 1 client" in page) == (True, True), "29.70 a month"
    lines = rows(owner.get(f"{harness.at}/income?format=csv&by=month"))
    assert (lines[0], len(lines)) == (["month", "currency", "amount_a_month", "new", "lost"], 13)
    assert lines[-1][1:3] == ["EUR", "29.70"]


def test_money(
    harness: PluginHarness,
    owner: Browser,
    invoice: Callable[..., Document],  # noqa: F811
) -> None:
    with transaction() as current:  # the report ends today in UTC
        current.execute(sa.update(Company).values(zone="UTC"))
    paid = invoice("100")
    payments.mark_paid(actor=STAFF, document_uuid=paid.uuid, reason="Statement 1")
    invoice("20")
    page = owner.get(f"{harness.at}/revenue").text
    assert ("120.00" in page, "27.60" in page, "123.00" in page) == (True, True, True)
    lines = rows(owner.get(f"{harness.at}/revenue?format=csv"))
    assert lines[0] == ["start", "currency", "invoiced", "tax", "received", "written_off"]
    assert sum(float(row[2]) for row in lines[1:]) == 120
    assert rows(owner.get(f"{harness.at}/tax?format=csv"))[1] == [
        *("Fjordhost sp. z o.o.", "PL", "S", "VAT", "23", "EUR"),
        *("120.00", "27.60", "2"),
    ]
    page = owner.get(f"{harness.at}/receivables").text
    assert ("24.60" in page, "Clients with the most overdue" in page) == (True, False)
    with transaction() as current:
        current.execute(sa.update(Document).values(due_on=now().date() - timedelta(days=40)))
    page = owner.get(f"{harness.at}/receivables").text
    assert ("Zażółć Gęślą" in page, "24.60" in page) == (True, True)
    assert rows(owner.get(f"{harness.at}/receivables?format=csv"))[1] == [
        *("EUR", "0.00", "0.00", "24.60", "0.00", "0.00", "Zażółć Gęślą"),
    ]


def test_provisioning_and_modules(harness: PluginHarness, owner: Browser, trade: None) -> None:
    page = owner.get(f"{harness.at}/provisioning").text
    assert (
        "1 completed, 2 failed" in page,
        "66.7 %" in page,
        "The cloud &lt;is&gt; full." in page,
        "Product/Echo" in page,
    ) == (True, True, True, True)
    assert (
        sum(int(row[2]) for row in rows(owner.get(f"{harness.at}/provisioning?format=csv"))[1:])
        == 2
    )
    by_module = {row[0]: row for row in rows(owner.get(f"{harness.at}/modules?format=csv"))}
    assert (by_module["Plugin/Reports"][2], by_module["module"][5:]) == (
        "active",
        ["parked", "completed", "failed", "errors"],
    )


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        (
            "since=2026-02-01&until=2026-01-01",
            "until",
            "The last day must not be before the first.",
        ),
        ("since=2026-02-01", "until", "Choose a day."),
        ("until=2026-02-01", "since", "Choose a day."),
        ("since=x&until=2026-02-01", "since", "Enter a valid date."),
        ("since=2026-01-01&until=2199-01-01", "until", "The day must not be in the future."),
        ("since=2001-01-01&until=2026-01-01", "since", "Choose at most five years."),
        ("since=0001-01-01&until=9999-12-31", "until", "The day must not be in the future."),
    ],
)
def test_invalid_custom_periods(
    harness: PluginHarness, owner: Browser, query: str, field: str, sentence: str
) -> None:
    for page in ("services", "provisioning", "modules", "revenue", "tax"):
        for end in ("", "&format=csv"):
            rejected = owner.get(f"{harness.at}/{page}?{query}{end}")
            assert (
                rejected.status_code,
                f'id="{field}-e"' in rejected.text,
                sentence in rejected.text,
            ) == (
                422,
                True,
                True,
            ), page


def test_custom_period(harness: PluginHarness, owner: Browser, trade: None) -> None:
    since, until = (now() - timedelta(days=4)).date(), now().date()
    lines = rows(owner.get(f"{harness.at}/services?since={since}&until={until}&format=csv"))
    assert (lines[1][0], lines[-1][0], len(lines)) == (str(since), str(until), 6)
    page = owner.get(f"{harness.at}/services?since={since}&until={until}").text
    assert f"provisioning?since={since}&amp;until={until}" in page, (
        "the links to other reports keep the period"
    )
    assert owner.get(f"{harness.at}/services?period=nonsense").status_code == 200


def test_income_requires_its_own_permission(harness: PluginHarness) -> None:
    clerk = harness.clerk("reports-view")
    codes = {page: clerk.get(f"{harness.at}/{page}").status_code for page in PAGES}
    assert codes == {page: 403 if page in MONEY else 200 for page in PAGES}
    assert clerk.get(f"{harness.at}/income?format=csv").status_code == 403
    assert f"{harness.at}/income" not in clerk.get(f"{harness.at}/services").text


def test_query_count_does_not_grow_with_services(
    harness: PluginHarness, owner: Browser, trade: None, settings: Settings
) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    def counted() -> list[int]:
        numbers = []
        for page in PAGES:
            tries = []
            for _ in range(2):  # the number of failed services in the sidebar is kept for seconds
                statements.clear()
                assert owner.get(f"{harness.at}/{page}?period=12m").status_code == 200
                tries.append(sum(any(table in sql for table in TABLES) for sql in statements))
            numbers.append(min(tries))
        return numbers

    sa.event.listen(engine_for(settings.database_url), "before_cursor_execute", note)
    try:
        counted()
        baseline = counted()
        with transaction() as current:
            service = current.scalars(sa.select(Service).limit(1)).one()
            same = {
                "client_id": service.client_id,
                "product_id": service.product_id,
                "status": "active",
            }
            current.add_all(
                [
                    Service(name=str(number), created_at=now() - timedelta(days=number), **same)
                    for number in range(300)
                ]
            )
        assert (counted(), min(baseline) > 0) == (baseline, True)
    finally:
        sa.event.remove(engine_for(settings.database_url), "before_cursor_execute", note)
