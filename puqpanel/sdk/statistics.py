"""Read-only figures over all services, tasks and modules.

Each function runs a fixed number of queries that aggregate in the database, however many rows there
are, and one more that checks how many services there are. With about 20,000 services or more, each
process caches the results for 20 seconds. Days are calendar days in UTC, those of invoices and
payments in the time zone of their company; ranges include their first and last day.
"""

from puqpanel.operations.oversight.finance import (
    Receivable,
    Revenue,
    TaxTotal,
    debtors,
    receivables,
    revenue,
    tax_totals,
)
from puqpanel.operations.oversight.recurring import (
    Recurring,
    Worth,
    recurring_by_month,
    worth,
)
from puqpanel.operations.oversight.statistics import (
    Churn,
    Income,
    ModuleHealth,
    ModuleOutcome,
    Movement,
    Outcome,
    ProductFigures,
    Provisioning,
    churn,
    income_by_product,
    module_health,
    new_and_lost,
    percent,
    provisioning,
    recurring_income,
    services_by_product,
    services_by_status,
    today,
)

__all__ = [
    "Churn",
    "Income",
    "ModuleHealth",
    "ModuleOutcome",
    "Movement",
    "Outcome",
    "ProductFigures",
    "Provisioning",
    "Receivable",
    "Recurring",
    "Revenue",
    "TaxTotal",
    "Worth",
    "churn",
    "debtors",
    "income_by_product",
    "module_health",
    "new_and_lost",
    "percent",
    "provisioning",
    "receivables",
    "recurring_by_month",
    "recurring_income",
    "revenue",
    "services_by_product",
    "services_by_status",
    "tax_totals",
    "today",
    "worth",
]
