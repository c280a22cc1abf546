"""The VAT number of a company, which is checked by its form."""

from __future__ import annotations

import pytest

from puqpanel.domain.errors import InvalidInput
from puqpanel.infra.db import transaction
from puqpanel.models import Company
from puqpanel.operations.billing import companies
from tests.operations.billing.conftest import STAFF


def save(company: Company, **values: str) -> str:
    return companies.save_company(actor=STAFF, uuid=company.uuid, values=values).vat_number


@pytest.mark.parametrize("wrong", ["PL5862310477", "PL1", "DE136695976", "12"])
def test_a_wrong_number_is_refused(company: Company, wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        save(company, vat_number=wrong)
    assert caught.value.errors == {"vat_number": ["This is not a valid VAT number of PL."]}


def test_a_number_gets_its_prefix(company: Company) -> None:
    assert save(company, vat_number="526-025-02-74") == "PL5260250274"
    assert save(company, vat_number="") == ""


def test_a_number_of_another_country_is_kept_as_it_was_entered(company: Company) -> None:
    number = "CHE-123.456.788 MWST"
    assert save(company, country="CH", vat_number=number) == number
    with pytest.raises(InvalidInput):
        save(company, country="DE", vat_number=number)


def test_an_old_number_does_not_block_other_changes(company: Company) -> None:
    with transaction():
        companies.find_company(company.uuid).vat_number = "PL1"
    assert save(company, vat_number="PL1", country="PL", city="Sopot") == "PL1"
