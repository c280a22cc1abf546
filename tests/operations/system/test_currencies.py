"""Currencies: enabling, rates, the base currency, and which clients and products may have."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal
from puqpanel.domain.rates import convert
from puqpanel.infra.db import release, session
from puqpanel.models import Audit, Client, Product, Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.catalog import products
from puqpanel.operations.catalog.prices import prices_of
from puqpanel.operations.provisioning import services
from puqpanel.operations.system import currencies
from tests.overlap import overlap
from tests.sample import make_client


def save(staff: Principal, code: str, rate: Any = None, **changed: Any) -> None:
    currency = currencies.find_currency(code)
    values: dict[str, Any] = {"enabled": True, "step": currency.step, "rounding": "half_up"}
    rate = None if rate is None else Decimal(rate)
    currencies.save_currency(actor=staff, code=code, rate=rate, **(values | changed))


@pytest.fixture
def zloty(staff: Principal) -> None:
    """PLN, at 4.25 for one EUR."""
    currencies.add_currency(actor=staff, code="PLN")
    save(staff, "PLN", "4.25")


def client_in(staff: Principal, currency: str, name: str = "Nowak") -> Client:
    email = f"{name}@lumen.test".lower()
    return clients.create_client(actor=staff, name=name, email=email, currency=currency)


def product_in(staff: Principal, currency: str, price: str = "20") -> Product:
    return products.save_product(
        actor=staff, uuid=None, name=f"Cloud {currency}", price=price, currency=currency
    )


def sell(staff: Principal, client: Client, product: Product) -> Service:
    return services.create_service(
        actor=staff, client_uuid=client.uuid, product_uuid=product.uuid, name="nowak.example"
    )


def test_a_new_panel_has_the_euro(staff: Principal) -> None:
    assert (currencies.base_currency(), currencies.enabled_codes()) == ("EUR", ["EUR"])
    assert make_client(staff)[0].currency == "EUR"
    assert [row.currency for row in prices_of(product_in(staff, ""))] == ["EUR"]


def test_rates_convert_and_follow_the_base_currency(staff: Principal, zloty: None) -> None:
    currencies.add_currency(actor=staff, code="JPY")
    save(staff, "JPY", "170", step=Decimal(5))
    price = Money(1000, "EUR")
    assert convert(price, "PLN", currencies.rates()) == Money(4250, "PLN")
    assert convert(price, "JPY", currencies.rates()) == Money(1700, "JPY")
    currencies.set_base_currency(actor=staff, code="PLN")
    assert currencies.base_currency() == "PLN"
    assert currencies.enabled_codes() == ["PLN", "EUR", "JPY"]
    assert convert(Money(4250, "PLN"), "JPY", currencies.rates()) == Money(1700, "JPY")
    assert convert(Money(4250, "PLN"), "EUR", currencies.rates()) == price
    assert currencies.find_currency("PLN").rate == 1
    currencies.set_base_currency(actor=staff, code="PLN")
    entry = session().scalars(sa.select(Audit).where(Audit.action == "currency.base_changed")).one()
    assert (entry.before, entry.after) == ({"base_currency": "EUR"}, {"base_currency": "PLN"})


def test_a_base_currency_without_a_rate_removes_the_others(staff: Principal, zloty: None) -> None:
    currencies.add_currency(actor=staff, code="USD")
    currencies.set_base_currency(actor=staff, code="USD")
    assert list(currencies.rates()) == ["USD"]


@pytest.mark.parametrize(
    "changed, field",
    [({"rate": rate}, "rate") for rate in ("0", "-1", "NaN", "Infinity", "1e-11", "1e10")]
    + [({"step": Decimal(step)}, "step") for step in ("0", "0.001", "-1", "NaN")]
    + [({"rounding": "bankers"}, "rounding")],
)
def test_invalid_rates_and_rules(
    staff: Principal, zloty: None, changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        save(staff, "PLN", **({"rate": "4"} | changed))
    assert list(refused.value.errors) == [field]
    assert currencies.find_currency("PLN").rate == Decimal("4.25")


@pytest.mark.parametrize("code", ["XYZ", "eur", "", "DEM", "XXX", "EUR", "E" * 500])
def test_unknown_and_existing_currencies_are_not_added(staff: Principal, code: str) -> None:
    with pytest.raises(InvalidInput):
        currencies.add_currency(actor=staff, code=code)
    assert currencies.enabled_codes() == ["EUR"]


def test_the_base_currency_stays_enabled_at_one(staff: Principal, zloty: None) -> None:
    with pytest.raises(ConflictError, match="base currency"):
        save(staff, "EUR", 1, enabled=False)
    for rate in ("2", None):
        with pytest.raises(InvalidInput, match="fields"):
            save(staff, "EUR", rate)
    save(staff, "PLN", "4.25", enabled=False)
    with pytest.raises(ConflictError, match="not enabled"):
        currencies.set_base_currency(actor=staff, code="PLN")
    with pytest.raises(NotFoundError):
        currencies.set_base_currency(actor=staff, code="USD")


def test_a_currency_in_use_is_not_disabled(staff: Principal, zloty: None) -> None:
    client_in(staff, "PLN")
    with pytest.raises(ConflictError, match="Clients: 1, products: 0, services: 0"):
        save(staff, "PLN", "4.25", enabled=False)
    assert "PLN" in currencies.enabled_codes()


@pytest.mark.parametrize("code", ["USD", "ZZZ", "pln", "€"])
def test_clients_and_products_take_enabled_currencies_only(
    staff: Principal, zloty: None, code: str
) -> None:
    client, product = client_in(staff, "EUR"), product_in(staff, "EUR")
    for attempt in (
        lambda: client_in(staff, code, "Berg"),
        lambda: product_in(staff, code),
        lambda: clients.update_client(
            actor=staff, uuid=client.uuid, name="A", email="a@b.test", currency=code
        ),
        lambda: products.save_product(
            actor=staff, uuid=product.uuid, name="A", price="1", currency=code
        ),
    ):
        with pytest.raises(InvalidInput) as refused:
            attempt()
        assert list(refused.value.errors) == ["currency"]


def test_a_service_is_sold_in_the_currency_of_the_client_only(
    staff: Principal, zloty: None
) -> None:
    client, product = client_in(staff, "PLN"), product_in(staff, "EUR")
    with pytest.raises(InvalidInput) as refused:
        sell(staff, client, product)
    assert refused.value.errors == {
        "product": ["Cloud EUR has no price in PLN, the currency of Nowak."]
    }
    assert session().scalar(sa.select(sa.func.count()).select_from(Service)) == 0
    assert sell(staff, client, product_in(staff, "PLN")).price == Money(2000, "PLN")


def test_currencies_are_fixed_once_there_are_services(staff: Principal, zloty: None) -> None:
    client, product = client_in(staff, "EUR"), product_in(staff, "EUR")
    clients.update_client(
        actor=staff, uuid=client.uuid, name="Nowak", email="a@b.test", currency="PLN"
    )
    clients.update_client(
        actor=staff, uuid=client.uuid, name="Nowak", email="a@b.test", currency="EUR"
    )
    sell(staff, client, product)
    with pytest.raises(InvalidInput) as refused:
        clients.update_client(
            actor=staff, uuid=client.uuid, name="Nowak", email="a@b.test", currency="PLN"
        )
    assert refused.value.errors == {
        "currency": ["Nowak has services in EUR, so the currency can't be changed."]
    }
    clients.update_client(actor=staff, uuid=client.uuid, name="Kept", email="a@b.test")
    assert clients.find_client(client.uuid).currency == "EUR"


@pytest.mark.parametrize(
    "price", ["1,50", "-1", "1e3", "", "NaN", Decimal("NaN"), "0.001", 2**63, "10000000000.01"]
)
def test_invalid_prices(staff: Principal, price: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        product_in(staff, "EUR", price)
    assert list(refused.value.errors) == ["price"]


def test_a_rate_for_an_earlier_base_currency_is_refused(staff: Principal, zloty: None) -> None:
    currencies.add_currency(actor=staff, code="USD")
    save(staff, "USD", "1.1", base="EUR")
    currencies.set_base_currency(actor=staff, code="PLN")
    converted = currencies.rates()["USD"].value
    with pytest.raises(ConflictError, match="base currency was changed"):
        save(staff, "USD", "1.1", base="EUR")
    release()
    assert currencies.rates()["USD"].value == converted
    save(staff, "USD", "0.3", base="PLN")
    assert currencies.rates()["USD"].value == Decimal("0.3")


def test_changes_of_the_base_currency_wait_for_each_other(
    app: Panel, staff: Principal, zloty: None
) -> None:
    currencies.add_currency(actor=staff, code="USD")
    save(staff, "USD", "1.25")
    errors = overlap(
        app,
        lambda: currencies.set_base_currency(actor=staff, code="PLN"),
        lambda: currencies.set_base_currency(actor=staff, code="USD"),
    )
    assert errors == (None, None)
    assert currencies.base_currency() == "USD"
    assert {code: round(rate.value, 6) for code, rate in currencies.rates().items()} == {
        "EUR": Decimal("0.8"),
        "PLN": Decimal("3.4"),
        "USD": Decimal(1),
    }


def test_a_currency_is_not_disabled_while_a_client_gets_it(
    app: Panel, staff: Principal, zloty: None
) -> None:
    errors = overlap(
        app,
        lambda: client_in(staff, "PLN"),
        lambda: save(staff, "PLN", "4.25", enabled=False),
    )
    assert errors[0] is None
    assert isinstance(errors[1], ConflictError)
    assert "PLN" in currencies.enabled_codes()
