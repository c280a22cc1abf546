"""Coupons: staff create, change and end them; orders check that one is valid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.permissions import PRODUCTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.clock import now
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import Client, Coupon, CouponUse, Product
from puqpanel.operations.system import audit, currencies

MAX_USES, MAX_CYCLES = 1_000_000, 1000
_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,39}")


@dataclass(frozen=True, slots=True)
class CouponValues:
    """The fields of a coupon, see `Coupon`; `amount` is in major units of `currency`."""

    code: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str = ""
    products: tuple[str, ...] = ()
    cycles: int | None = 1
    setup: bool = False
    valid_from: date | None = None
    valid_until: date | None = None
    max_uses: int | None = None
    once_per_client: bool = False


def coupons() -> Sequence[Coupon]:
    """Return all coupons: those that staff did not end first, then the newest."""
    order = (Coupon.ended_at.is_not(None), Coupon.id.desc())
    return session().scalars(sa.select(Coupon).order_by(*order)).all()


def find_coupon(uuid: str) -> Coupon:
    """Return one coupon.

    Raises:
        NotFoundError: it does not exist.
    """
    return find(sa.select(Coupon).where(Coupon.uuid == uuid), _("Coupon not found."))


def clean_code(text: str) -> str:
    """Return a code as it is stored."""
    return storable(text.strip().upper())[:40]


def valid_coupon(code: str, client: Client, day: date) -> Coupon:
    """Return the coupon of a code that a client entered.

    Args:
        code: the code.
        client: the buyer, or a client that stands for a visitor and is not saved.
        day: the day of order.

    Raises:
        InvalidInput: there is none, or it is not valid for the client on the day.
    """
    query = sa.select(Coupon).where(Coupon.code == clean_code(code), Coupon.ended_at.is_(None))
    coupon = session().scalar(query.execution_options(populate_existing=True))
    if coupon is None:
        raise refused(_("This coupon code is not valid."))
    if coupon.valid_from is not None and day < coupon.valid_from:
        raise refused(_("This coupon is not valid yet."))
    if coupon.valid_until is not None and day > coupon.valid_until:
        raise refused(_("This coupon has expired."))
    if coupon.currency and coupon.currency != client.currency:
        raise refused(
            _("This coupon is valid for orders in %(currency)s only.", currency=coupon.currency)
        )
    if coupon.max_uses is not None and coupon.uses >= coupon.max_uses:
        raise refused(USED_UP)
    if coupon.once_per_client and client.id is not None:
        used = (CouponUse.coupon_id == coupon.id, CouponUse.client_id == client.id)
        if session().scalar(sa.select(CouponUse.id).where(*used).limit(1)) is not None:
            raise refused(USED_ALREADY)
    return coupon


USED_UP = _("This coupon has been used up.")
USED_ALREADY = _("You have used this coupon already.")


def refused(text: Text) -> InvalidInput:
    """Return the error of a coupon that is not valid."""
    return InvalidInput({"coupon": [text]}, text)


@transaction()
def save_coupon(*, actor: Principal, uuid: str | None, values: CouponValues) -> Coupon:
    """Create or change a coupon; orders keep the discount that they got.

    Args:
        actor: who saves it.
        uuid: the coupon; None creates one.
        values: its fields; the code is fixed once it exists.

    Raises:
        InvalidInput: a field is invalid.
    """
    actor.require(PRODUCTS_MANAGE)
    coupon = find_coupon(uuid) if uuid else Coupon(code=clean_code(values.code), uses=0)
    columns = _checked(coupon, values)
    before = {key: getattr(coupon, key) for key in columns} if uuid else {}
    for key, value in columns.items():
        setattr(coupon, key, value)
    save(coupon, InvalidInput({"code": [_("Another coupon has this code.")]}))
    old, new = audit.changed(_plain(before), _plain(columns))
    audit.record(
        actor=actor,
        action="coupon.updated" if uuid else "coupon.created",
        subject_type="coupon",
        subject_uuid=coupon.uuid,
        summary=(
            _("Coupon %(code)s changed.", code=coupon.code)
            if uuid
            else _("Coupon %(code)s created.", code=coupon.code)
        ),
        before=old,
        after=new,
    )
    return coupon


@transaction()
def end_coupon(*, actor: Principal, uuid: str) -> None:
    """End a coupon, so that no further order can use it.

    Raises:
        ConflictError: it was ended already.
    """
    actor.require(PRODUCTS_MANAGE)
    coupon = find_coupon(uuid)
    if coupon.ended_at is not None:
        raise ConflictError(_("This coupon has already ended."))
    coupon.ended_at = now()
    audit.record(
        actor=actor,
        action="coupon.ended",
        subject_type="coupon",
        subject_uuid=uuid,
        summary=_("Coupon %(code)s ended.", code=coupon.code),
    )


def _checked(coupon: Coupon, values: CouponValues) -> dict[str, Any]:
    errors: dict[str, list[Text]] = {}
    if not _CODE.fullmatch(coupon.code):
        errors["code"] = [_("Use 2 to 40 letters A–Z, digits, hyphens and underscores.")]
    elif clean_code(values.code) != coupon.code:
        errors["code"] = [_("This value cannot be changed.")]
    if (values.percent is None) == (values.amount is None):
        errors["percent"] = [_("Enter either a percentage or an amount.")]
    elif values.percent is not None and not 0 < values.percent <= 100:
        errors["percent"] = [_("Enter a percentage above 0, up to 100.")]
    elif values.percent is not None and values.percent != round(values.percent, 4):
        errors["percent"] = [_("Enter a rate with at most %(places)s decimals.", places=4)]
    elif values.amount is not None:
        currencies.check_enabled(values.currency)
        if values.amount <= 0:
            errors["amount"] = [_("Enter an amount above zero.")]
    for field, limit in (("cycles", MAX_CYCLES), ("max_uses", MAX_USES)):
        number = getattr(values, field)
        if number is not None and not 1 <= number <= limit:
            errors[field] = [_("Enter a number from %(low)s to %(high)s.", low=1, high=limit)]
    if values.valid_from and values.valid_until and values.valid_until < values.valid_from:
        errors["valid_until"] = [_("The end date must be on or after the start date.")]
    known = sa.select(sa.func.count(Product.id)).where(Product.uuid.in_(values.products))
    if values.products and session().scalar(known) != len(set(values.products)):
        errors["products"] = [_("Select options from the list.")]
    if errors:
        raise InvalidInput(errors)
    columns = asdict(values)
    del columns["code"]
    amount = columns.pop("amount")
    minor = None if amount is None else Money.from_major(amount, values.currency).minor
    return columns | {
        "amount_minor": minor,
        "currency": "" if minor is None else values.currency,
        "products": sorted(set(values.products)),
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, Decimal | date) else value
        for key, value in values.items()
    }
