"""The reports on money."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from puqpanel.sdk import Controller, Request, noop__, statistics

from ..services import periods
from . import pages

CATEGORIES = {
    "S": noop__("Standard rate"),
    "Z": noop__("Zero rate"),
    "E": noop__("Exempt"),
    "AE": noop__("Reverse charge"),
    "K": noop__("Supply within the EU"),
    "G": noop__("Export"),
    "O": noop__("Not subject to tax"),
}
"""Code of EN 16931 → name, for amounts without a tax."""
PRODUCT_HEADS = ["product", "currency", "amount_a_month", "active_services"]
MONTH_HEADS = ["month", "currency", "amount_a_month", "new", "lost"]


class MoneyController(Controller):
    """`/admin/modules/Plugin/Reports/…`, with the permission for income."""

    def income(self, request: Request) -> Any:
        """Report the recurring revenue of the last twelve months, and by product."""
        period = periods.parse({"period": "12m"})
        months = statistics.recurring_by_month(period.first, period.last)
        products = statistics.income_by_product()
        if pages.wants_csv(request, period):
            if request.args.get("by") == "month":
                return pages.csv_file("revenue-by-month", period, MONTH_HEADS, months)
            rows = [(row.product, row.currency, row.amount, row.services) for row in products]
            return pages.csv_file("revenue-by-product", period, PRODUCT_HEADS, rows)
        worth = statistics.worth(months)
        currency, links = pages.currencies(
            "income", period, (row.currency for row in worth), request.args.get("currency", "")
        )
        sold = [row for row in products if row.currency == currency]
        total = sum((row.amount for row in sold), Decimal())
        shown = [row for row in months if row.currency == currency]
        while len(shown) > 1 and not (shown[0].amount or shown[0].lost):
            shown.pop(0)
        return pages.page(
            "income",
            period,
            currency=currency,
            currencies=links,
            worth=next((row for row in worth if row.currency == currency), None),
            months=shown,
            products=[(row, statistics.percent(row.amount, total) if total else 0) for row in sold],
        )

    def revenue(self, request: Request) -> Any:
        """Report what was invoiced and received."""
        period = periods.parse(request.args)
        rows = statistics.revenue(period.first, period.last, period.grain)
        if pages.wants_csv(request, period):
            heads = list(statistics.Revenue._fields)
            return pages.csv_file("revenue", period, heads, rows)
        sizes: Counter[str] = Counter()
        for row in rows:
            sizes[row.currency] += bool(row.invoiced) + bool(row.received)
        currency, links = pages.currencies(
            "revenue",
            period,
            (code for code, _ in sizes.most_common()),
            request.args.get("currency", ""),
        )
        shown = [row for row in rows if row.currency == currency]
        sums = {
            name: sum((getattr(row, name) for row in shown), Decimal())
            for name in ("invoiced", "tax", "received", "written_off")
        }
        return pages.page(
            "revenue", period, currency=currency, currencies=links, rows=shown, sums=sums
        )

    def tax(self, request: Request) -> Any:
        """Report the taxes of the documents that were issued, by company, country and rate."""
        period = periods.parse(request.args)
        rows = statistics.tax_totals(period.first, period.last)
        if pages.wants_csv(request, period):
            return pages.csv_file("taxes", period, list(statistics.TaxTotal._fields), rows)
        return pages.page("tax", period, rows=rows, categories=CATEGORIES)

    def receivables(self, request: Request) -> Any:
        """Report what is open on invoices, by how long it is overdue."""
        period = periods.parse({})
        debtors = statistics.debtors()
        if pages.wants_csv(request, period):
            heads = [name for name in statistics.Receivable._fields if name != "client_uuid"]
            lines = [row[:-1] for row in statistics.debtors(limit=100_000)]
            return pages.csv_file("receivables", period, heads, lines)
        totals = statistics.receivables()
        return pages.page("receivables", period, totals=totals, debtors=debtors)
