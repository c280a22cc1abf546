"""The steps about services that are due: for unpaid documents, and for prepaid services."""

from __future__ import annotations

from datetime import date

from puqpanel.operations.automation import prepaid_stops, steps, unpaid_services
from puqpanel.operations.automation.unpaid_services import ServiceStep
from puqpanel.operations.provisioning.services import find_service


def due(*, day: date | None = None, company_uuid: str = "") -> list[ServiceStep]:
    """Return the suspensions and terminations that are due, the longest overdue first.

    Args:
        day: until which day; today in the zone of each company unless given.
        company_uuid: of one company only; all of them unless given.
    """
    found = unpaid_services.due(day=day, company_uuid=company_uuid)
    others = {each.debt.service_uuid for each in found}
    prepaid = prepaid_stops.due(day=day, company_uuid=company_uuid)
    taken = steps.taken("service", [each.debt.service_uuid for each in prepaid])
    return found + [
        each for each in prepaid if each.key not in taken and each.debt.service_uuid not in others
    ]


def due_of(service_uuid: str, day: date | None = None) -> ServiceStep | None:
    """Return which step about a service is due, even if it was taken; None if none is."""
    found = unpaid_services.due_of(service_uuid, day)
    service = find_service(service_uuid)
    return found or (prepaid_stops.due_of(service, day) if service.prepaid else None)
