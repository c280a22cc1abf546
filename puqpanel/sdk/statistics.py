"""Figures over all services, tasks and modules, to read: `from puqpanel.sdk import statistics`,
`statistics.services_by_status()`.

Plain numbers and nothing to write with. Each is a fixed number of queries that add up in the
database: rows do not pass through Python, however many there are. Days are calendar days in UTC,
and ranges include their first and last day.
"""

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
    "churn",
    "income_by_product",
    "module_health",
    "new_and_lost",
    "provisioning",
    "recurring_income",
    "services_by_product",
    "services_by_status",
    "today",
]
