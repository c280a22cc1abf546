"""The page that explains the amounts of a document."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import release, session
from puqpanel.models import Document
from puqpanel.operations.accounts import staff
from puqpanel.operations.automation import dunning, renewals
from puqpanel.operations.billing import credit_notes
from puqpanel.operations.ordering import coupons
from puqpanel.operations.ordering.coupons import CouponValues
from puqpanel.operations.system import settings as panel_settings
from tests.operations.billing.conftest import STAFF, client, company, invoice  # noqa: F401
from tests.operations.ordering.dated import at, buy, change, sold
from tests.web.billing.test_payments import Outside
from tests.web.conftest import PASSWORD

pytestmark = pytest.mark.sqlite


@pytest.fixture
def reasons(panel: Panel) -> Any:
    """Return the text of the page about the newest document, or about one."""
    staff.create_staff(
        actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
    )
    owner = Outside(panel).sign_in("owner@panel.test")

    def read(document: Document | None = None) -> str:
        release()
        if document is None:
            query = sa.select(Document).order_by(Document.id.desc()).limit(1)
            document = session().scalars(query).one()
        uuid = document.uuid
        release()
        return owner.get(f"/admin/documents/{uuid}/reasons").text.replace("\xa0", " ")

    return read


def test_price_period_coupon_and_tax(company, client, reasons) -> None:  # noqa: F811
    values = CouponValues("TWO", percent=Decimal(20), cycles=2)
    coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    with at("2026-01-31"):
        buy(client, sold("VPS", {"monthly": "10"}), coupon="TWO")
    page = reasons()
    assert "Price list: 10.00 € / month, valid from 31 Jan 2026." in page
    assert "Full period: 31 Jan 2026 – 27 Feb 2026." in page
    assert "Discount of the coupon TWO." in page
    assert "VAT 23 %, the rate in Poland." in page
    assert "without a VAT number." in page
    with at("2026-02-20"):
        assert renewals.run(actor=AUTOMATION).issued == 1
    page = reasons()
    assert "The agreed price of the service: 10.00 EUR." in page


def test_a_change_in_the_middle_of_a_period(company, client, reasons) -> None:  # noqa: F811
    with at("2026-03-01"):
        order = buy(client, sold("VPS", {"monthly": "10"}))
        uuid = order.items[0].service.uuid
    with at("2026-03-11"):
        change(uuid, sold("Large", {"monthly": "31"}))
    page = reasons()
    assert "Unused days of an earlier charge: 11 Mar 2026 – 31 Mar 2026." in page
    assert "21/31 of a period, prorated by day: 11 Mar 2026 – 31 Mar 2026." in page
    assert "Charged because the package or period of the service was changed." in page
    assert f"/admin/services/{uuid}" in page


def test_what_staff_entered_and_credited(invoice, reasons) -> None:  # noqa: F811
    issued = invoice("10")
    assert "Entered by hand" in reasons(issued)
    credit_notes.credit(actor=STAFF, uuid=issued.uuid, reason="Wrong")
    page = reasons()
    assert "Credits “" in page and f"/admin/documents/{issued.uuid}" in page


def test_a_late_fee(invoice, reasons) -> None:  # noqa: F811
    values = {"automation.fee": "percent", "automation.fee_percent": "10"}
    panel_settings.save(actor=STAFF, values=values)
    with at("2026-05-01"):
        issued = invoice("100")
    with at("2026-05-22"):
        dunning.run(actor=AUTOMATION)
    page = reasons()
    assert f"{issued.number} was paid late or is unpaid. Percentage of the unpaid amount." in page
    assert "A fee for late payment is not subject to VAT." in page
