"""The address, VAT number and other details of a client that its documents need."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.tax_rules import EU, BuyerKind, VatStatus
from puqpanel.domain.texts import Text, _, language
from puqpanel.domain.xml_text import xml_text
from puqpanel.models import Client

LENGTHS = {
    "street": 200,
    "city": 100,
    "postcode": 20,
    "region": 100,
    "phone": 40,
    "tax_number": 40,
    "reference": 200,
    "language": 35,
}


@dataclass(frozen=True, slots=True)
class BuyerDetails:
    """What documents show of a client, besides its name, company and country.

    Args:
        street: street and number.
        city: the city.
        postcode: postal code.
        region: state or province.
        phone: telephone number.
        buyer_kind: what it is for tax, a `BuyerKind`.
        vat_number: with the country prefix.
        tax_number: the national tax number.
        language: tag of the language of its documents.
        reference: its own reference, such as a purchase order.
    """

    street: str = ""
    city: str = ""
    postcode: str = ""
    region: str = ""
    phone: str = ""
    buyer_kind: str = BuyerKind.CONSUMER
    vat_number: str = ""
    tax_number: str = ""
    language: str = ""
    reference: str = ""


def clean(details: BuyerDetails, country: str, before: Client | None) -> dict[str, Any]:
    """Return the columns of a client, with the status of its VAT number.

    A number of an EU country is checked by its form here; it counts for tax once the EU's service
    has confirmed it, and a changed number must be confirmed again.

    Args:
        details: what was entered.
        country: of the client.
        before: the client as it is; None for a new one.

    Raises:
        InvalidInput: a field is invalid.
    """
    errors: dict[str, list[Text | str]] = {}
    values: dict[str, Any] = {key: xml_text(text) for key, text in asdict(details).items()}
    for key, longest in LENGTHS.items():
        if len(values[key]) > longest:
            errors[key] = [_("Enter at most %(longest)s characters.", longest=longest)]
    values["buyer_kind"] = values["buyer_kind"] or BuyerKind.CONSUMER
    if values["buyer_kind"] not in set(BuyerKind):
        errors["buyer_kind"] = [_("Select an option from the list.")]
    try:
        values["vat_number"] = clean_vat_number(values["vat_number"], country)
    except InvalidInput as error:
        errors.update({key: [*texts] for key, texts in error.messages.items()})
    if errors:
        raise InvalidInput(errors)
    if before is None or (before.vat_number, before.country) != (values["vat_number"], country):
        checked = values["vat_number"] and country in EU
        values["vat_status"] = VatStatus.PENDING if checked else VatStatus.NONE
    return values


def clean_vat_number(text: str, country: str) -> str:
    """Return a VAT number without spaces, with the prefix of its country.

    That of Greece is EL, which VIES and EN 16931 know; GR is replaced.

    Args:
        text: what was entered.
        country: of the client; its prefix is added if it is missing.

    Raises:
        InvalidInput: it is not a number of the client's EU country.
    """
    number = "".join(letter for letter in text.upper() if letter.isalnum())
    if not number or country not in EU:
        return number[:40]
    from stdnum.eu import vat  # imports as much as a large page of the panel
    from stdnum.exceptions import ValidationError

    prefix = "EL" if country == "GR" else country
    if number.startswith((prefix, country)):
        number = number[2:]
    number = f"{prefix}{number}"
    try:
        return str(vat.validate(number))
    except ValidationError:
        name = language().locale.territories.get(country, country)
        message = _("This is not a valid VAT number of %(country)s.", country=name)
        raise InvalidInput({"vat_number": [message]}) from None
