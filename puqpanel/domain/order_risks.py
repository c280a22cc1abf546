"""What is known about the risk of an order: facts with their figures, stored with the order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from puqpanel.domain.tax_rules import EU
from puqpanel.domain.texts import Text, _, _n, verbatim

IP_ORDERS = 3
"""From how many orders within an hour an IP address is noted."""
NEW_CLIENT_HOURS = 24


class Risk(StrEnum):
    """A fact that staff consider before they accept an order."""

    FIRST_ORDER = "first_order"
    NEW_CLIENT = "new_client"
    VAT_COUNTRY = "vat_country"
    VAT_REFUSED = "vat_refused"
    OVERDUE = "overdue"
    IP_ORDERS = "ip_orders"
    CLIENT_FRAUD = "client_fraud"
    IP_FRAUD = "ip_fraud"


_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], Text]] = {
    Risk.FIRST_ORDER: lambda note: _("First order of this client."),
    Risk.NEW_CLIENT: lambda note: _n(
        "The client was added less than an hour before the order.",
        "The client was added less than %(num)s hours before the order.",
        note["hours"],
    ),
    Risk.VAT_COUNTRY: lambda note: _(
        "The VAT number is of %(vat)s, the address is in %(country)s.",
        vat=note["vat"],
        country=note["country"],
    ),
    Risk.VAT_REFUSED: lambda note: _("The VAT number is not valid."),
    Risk.OVERDUE: lambda note: _n(
        "%(num)s invoice of the client is overdue.",
        "%(num)s invoices of the client are overdue.",
        note["count"],
    ),
    Risk.IP_ORDERS: lambda note: _(
        "%(count)s orders of %(clients)s clients came from %(ip)s within an hour.",
        count=note["count"],
        clients=note["clients"],
        ip=note["ip"],
    ),
    Risk.CLIENT_FRAUD: lambda note: _n(
        "%(num)s earlier order of the client was marked as fraud.",
        "%(num)s earlier orders of the client were marked as fraud.",
        note["count"],
    ),
    Risk.IP_FRAUD: lambda note: _n(
        "%(num)s order from the same IP address was marked as fraud.",
        "%(num)s orders from the same IP address were marked as fraud.",
        note["count"],
    ),
}


def text(note: Mapping[str, Any]) -> Text:
    """Return a stored fact as a sentence."""
    wording = _TEXTS.get(str(note.get("risk")))
    return wording(note) if wording else verbatim(str(note.get("risk", "")))


def vat_country(number: str) -> str:
    """Return the country of a VAT number of the EU by its prefix; empty if it has none."""
    prefix = number[:2]
    country = "GR" if prefix == "EL" else prefix
    return country if country in EU else ""
