"""The price matrix: own and derived prices, history, and refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.catalog import BillingMode
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Audit, Price, Product
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.provisioning import services
from puqpanel.operations.system import currencies
from tests.overlap import overlap
from tests.sample import make_client


@pytest.fixture
def zloty(staff: Principal) -> None:
    """PLN at 4.26 for one EUR, rounded up to 0.10."""
    currencies.add_currency(actor=staff, code="PLN")
    set_rate(staff, "4.26")


def set_rate(staff: Principal, rate: str | None) -> None:
    currencies.save_currency(
        actor=staff,
        code="PLN",
        enabled=True,
        rate=None if rate is None else Decimal(rate),
        step=Decimal("0.10"),
        rounding="up",
    )


@pytest.fixture
def product(staff: Principal) -> Product:
    """A product for 24.90 EUR a month."""
    return products.save_product(actor=staff, uuid=None, name="KVM VPS M", price="24.90")


def save(staff: Principal, product: Product, *cells: tuple[str, str, Any, Any]) -> int:
    return prices.save_prices(
        actor=staff, product_uuid=product.uuid, cells=[Cell(*cell) for cell in cells]
    )


def shown(product: Product) -> dict[str, str]:
    return {
        f"{row.period} {row.currency}": f"{row.setup.major}+{row.recurring.major}"
        + (" derived" if row.derived else "")
        for row in prices.prices_of(product)
    }


def test_a_changed_price_is_a_new_row_and_services_keep_theirs(
    staff: Principal, product: Product
) -> None:
    client = make_client(staff)[0]
    sold = services.create_service(
        actor=staff, client_uuid=client.uuid, product_uuid=product.uuid, name="a.example"
    )
    first = sold.price_id
    cell = ("monthly", "EUR", "9", "29.90")
    assert save(staff, product, cell) == 1
    assert save(staff, product, cell) == 0, "nothing changed"
    rows = session().scalars(sa.select(Price).order_by(Price.id)).all()
    assert [(row.id == first, row.live, row.recurring_minor) for row in rows] == [
        (True, None, 2490),
        (False, True, 2990),
    ]
    assert rows[0].retired_at and rows[1].retired_at is None
    kept = services.find_service(sold.uuid)
    assert (kept.price_id, kept.price) == (first, Money(2490, "EUR"))
    assert [row.id for row in prices.earlier_prices(product)] == [first]
    entry = session().scalars(sa.select(Audit).where(Audit.action == "product.priced")).one()
    assert entry.before == {"monthly EUR": "24.90 EUR"}
    assert entry.after == {"monthly EUR": "29.90 EUR, setup 9.00 EUR"}


def test_derived_prices_follow_the_base_currency_until_they_are_changed(
    staff: Principal, product: Product, zloty: None
) -> None:
    save(staff, product, ("monthly", "EUR", "9", "24.90"), ("annually", "EUR", None, "240"))
    save(staff, product, ("annually", "PLN", None, "999"))
    assert prices.derive_prices(actor=staff, product_uuid=product.uuid, currency="PLN") == 1
    assert shown(product) == {
        "monthly EUR": "9.00+24.90",
        "annually EUR": "0.00+240.00",
        "monthly PLN": "38.40+106.10 derived",  # 38.34 and 106.074, rounded up
        "annually PLN": "0.00+999.00",
    }
    # the form sends all cells: an unchanged derived one goes on following
    form = [("monthly", "PLN", "38.40", "106.10"), ("annually", "PLN", None, "999")]
    save(staff, product, ("monthly", "EUR", "9", "25"), *form)
    assert shown(product)["monthly PLN"] == "38.40+106.50 derived"
    save(staff, product, ("monthly", "PLN", "0", "99"))
    assert shown(product)["monthly PLN"] == "0.00+99.00"
    save(staff, product, ("monthly", "EUR", "9", "30"))
    assert prices.derive_prices(actor=staff, product_uuid=product.uuid, currency="PLN") == 0
    assert shown(product)["monthly PLN"] == "0.00+99.00"


def test_a_withdrawn_base_price_withdraws_what_follows_it(
    staff: Principal, product: Product, zloty: None
) -> None:
    prices.derive_prices(actor=staff, product_uuid=product.uuid, currency="PLN")
    set_rate(staff, "5")
    assert shown(product)["monthly PLN"] == "0.00+106.10 derived", "until it is derived again"
    prices.derive_prices(actor=staff, product_uuid=product.uuid, currency="PLN")
    assert shown(product)["monthly PLN"] == "0.00+124.50 derived"
    row = prices.price_of(product, "PLN", "monthly")
    assert row.rate == Decimal(5)
    set_rate(staff, None)
    save(staff, product, ("monthly", "EUR", None, "25"))
    assert shown(product)["monthly PLN"] == "0.00+124.50 derived", "there is no rate to follow"
    save(staff, product, ("monthly", "EUR", None, None))
    assert shown(product) == {}


def test_copying_down_fills_longer_periods(staff: Principal, product: Product) -> None:
    save(staff, product, ("monthly", "EUR", "5", "24.90"), ("annually", "EUR", None, "268.90"))
    prices.copy_down(actor=staff, product_uuid=product.uuid, currency="EUR")
    assert shown(product) == {
        "monthly EUR": "5.00+24.90",
        "quarterly EUR": "5.00+74.70",
        "semi_annually EUR": "5.00+149.40",
        "annually EUR": "0.00+268.90",
        "biennially EUR": "0.00+537.80",
        "triennially EUR": "0.00+806.70",
    }


@pytest.mark.parametrize(
    "cell, field",
    [
        (("monthly", "EUR", None, "-1"), "monthly-EUR-recurring"),
        (("monthly", "EUR", "0.001", "5"), "monthly-EUR-setup"),
        (("monthly", "EUR", "5", None), "monthly-EUR-recurring"),
        (("monthly", "EUR", None, "1" + "0" * 11), "monthly-EUR-recurring"),
        (("monthly", "EUR", None, "1e3"), "monthly-EUR-recurring"),
        (("monthly", "USD", None, "5"), "monthly-USD-recurring"),
        (("one_time", "EUR", None, "5"), "one_time-EUR-recurring"),
        (("fortnightly", "EUR", None, "5"), "fortnightly-EUR-recurring"),
    ],
)
def test_invalid_cells_change_nothing(
    staff: Principal, product: Product, cell: tuple[str, str, Any, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(staff, product, ("annually", "EUR", None, "240"), cell)
    assert list(refused.value.errors) == [field]
    release()
    assert shown(product) == {"monthly EUR": "0.00+24.90"}


def test_only_what_can_be_derived_is_derived(staff: Principal, product: Product) -> None:
    def derive(currency: str) -> None:
        prices.derive_prices(actor=staff, product_uuid=product.uuid, currency=currency)

    with pytest.raises(ConflictError, match="EUR is the base currency"):
        derive("EUR")
    with pytest.raises(InvalidInput):
        derive("PLN")
    currencies.add_currency(actor=staff, code="PLN")
    with pytest.raises(ConflictError, match="PLN has no exchange rate"):
        derive("PLN")


def test_a_price_is_found_by_currency_and_period(staff: Principal, product: Product) -> None:
    assert prices.price_of(product, "EUR", "monthly").recurring == Money(2490, "EUR")
    with pytest.raises(InvalidInput, match="has no price in PLN") as refused:
        prices.price_of(product, "PLN", "monthly")
    assert list(refused.value.errors) == ["currency"]
    with pytest.raises(InvalidInput, match="not sold for this billing period") as refused:
        prices.price_of(product, "EUR", "annually")
    assert list(refused.value.errors) == ["period"]
    old = prices.price_of(product, "EUR", "monthly").uuid
    save(staff, product, ("monthly", "EUR", None, "30"))
    with pytest.raises(NotFoundError):
        prices.find_price(product, old)


def test_a_currency_with_prices_is_not_disabled(
    staff: Principal, product: Product, zloty: None
) -> None:
    save(staff, product, ("monthly", "PLN", None, "99"))
    step, up = Decimal("0.10"), "up"
    with pytest.raises(ConflictError, match="products: 1"):
        currencies.save_currency(
            actor=staff, code="PLN", enabled=False, rate=None, step=step, rounding=up
        )
    save(staff, product, ("monthly", "PLN", None, None))
    currencies.save_currency(
        actor=staff, code="PLN", enabled=False, rate=None, step=step, rounding=up
    )
    with pytest.raises(InvalidInput):
        save(staff, product, ("monthly", "PLN", None, "99"))


def test_two_people_who_save_at_once_leave_one_live_price(
    app: Panel, staff: Principal, product: Product
) -> None:
    errors = overlap(
        app,
        lambda: save(staff, product, ("monthly", "EUR", None, "30")),
        lambda: save(staff, product, ("monthly", "EUR", None, "31")),
    )
    assert errors == (None, None)
    release()
    rows = session().scalars(sa.select(Price).where(Price.live.is_(True))).all()
    assert [row.recurring_minor for row in rows] == [3100]


def test_the_database_allows_one_live_price(product: Product) -> None:
    with pytest.raises(sa.exc.IntegrityError), transaction() as current:
        current.add(Price(product_id=product.id, currency="EUR", period="monthly"))
        current.flush()
    release()
    with transaction() as current:
        for _ in range(2):
            current.add(
                Price(product_id=product.id, currency="EUR", period="monthly", live=sa.null())
            )


def test_prices_must_fit_the_billing_mode(staff: Principal, product: Product) -> None:
    def change(mode: str) -> None:
        products.save_product(
            actor=staff,
            uuid=product.uuid,
            name="KVM VPS M",
            details=products.Details(billing_mode=mode),
        )

    with pytest.raises(InvalidInput) as refused:
        change(BillingMode.ONE_TIME)
    assert list(refused.value.errors) == ["billing_mode"]
    change(BillingMode.PREPAID)
    save(staff, product, ("hourly", "EUR", None, "0.04"))
    with pytest.raises(InvalidInput):
        change(BillingMode.RECURRING)
    save(staff, product, ("hourly", "EUR", None, None), ("monthly", "EUR", None, None))
    change(BillingMode.FREE)
    client = make_client(staff)[0]
    sold = services.create_service(
        actor=staff, client_uuid=client.uuid, product_uuid=product.uuid, name="a.example"
    )
    assert (sold.price, sold.price_id, sold.period) == (Money(0, "EUR"), None, "one_time")


def test_a_service_is_sold_at_one_of_several_prices(
    staff: Principal, product: Product, zloty: None
) -> None:
    save(staff, product, ("annually", "EUR", None, "240"), ("monthly", "PLN", None, "99"))
    client = make_client(staff)[0]

    def sell(price_uuid: str = "") -> Any:
        return services.create_service(
            actor=staff,
            client_uuid=client.uuid,
            product_uuid=product.uuid,
            name="a.example",
            price_uuid=price_uuid,
        )

    with pytest.raises(InvalidInput) as refused:
        sell()
    assert "several prices" in refused.value.errors["product"][0]
    with pytest.raises(InvalidInput) as refused:
        sell(prices.price_of(product, "PLN", "monthly").uuid)
    assert "This price is in PLN, but" in refused.value.errors["product"][0]
    annual = prices.price_of(product, "EUR", "annually")
    sold = sell(annual.uuid)
    assert (sold.price_id, str(sold.price), sold.period) == (annual.id, "240.00 EUR", "annually")
    with pytest.raises(NotFoundError):
        sell("x")


def test_staff_without_the_permission_change_no_prices(staff: Principal, product: Product) -> None:
    clerk = Principal("staff", "", "Clerk", permissions=frozenset({"products.view"}))
    with pytest.raises(PermissionDenied):
        save(clerk, product, ("monthly", "EUR", None, "1"))
    with pytest.raises(PermissionDenied):
        prices.derive_prices(actor=clerk, product_uuid=product.uuid, currency="PLN")
    with pytest.raises(PermissionDenied):
        prices.copy_down(actor=clerk, product_uuid=product.uuid, currency="EUR")
