"""Logos of companies: stored if they can be printed."""

from __future__ import annotations

from puqpanel.domain.errors import InvalidInput, UserError
from puqpanel.models import Company
from puqpanel.operations.system.files import find_file, store_image


def store_logo(content: bytes) -> str:
    """Store the logo of a company and return its digest.

    Raises:
        InvalidInput: it can't be printed on documents.
    """
    from puqpanel.infra.documents.pdf import check_logo  # slow to import

    try:
        check_logo(content)
        return store_image(content)
    except UserError as error:
        raise InvalidInput({"logo_file": [error.text]}) from None


def logo_of(company: Company) -> bytes:
    """Return the logo of a company; empty if it has none."""
    logo = find_file(company.logo) if company.logo else None
    return logo.content if logo else b""
