"""Staff pages for option groups, their options and the prices of these."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

from puqpanel.domain.catalog import OptionKind
from puqpanel.domain.periods import Period
from puqpanel.domain.permissions import PRODUCTS_MANAGE, PRODUCTS_VIEW
from puqpanel.domain.texts import Text, _n
from puqpanel.models import Option, OptionGroup, ProductOptionGroup
from puqpanel.operations.catalog import options, price_rows
from puqpanel.operations.system import audit
from puqpanel.web.admin.catalog.price_matrix import Actions, matrix_page
from puqpanel.web.forms import Form, _, choices, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_filters import Filter
from puqpanel.web.list_page import Column
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort
from puqpanel.web.navigation import crumbs

bp = Blueprint("options", __name__, url_prefix="/options")

KINDS = {
    OptionKind.CHOICE: _("Choice"),
    OptionKind.YES_NO: _("Yes or no"),
    OptionKind.QUANTITY: _("Quantity"),
}
PERIODS = (*(period for period in Period if period != Period.ONE_TIME), Period.ONE_TIME)

_products = (
    sa.select(sa.func.count())
    .where(ProductOptionGroup.group_id == OptionGroup.id)
    .correlate(OptionGroup)
    .scalar_subquery()
    .label("products")
)
OPTION_GROUPS = Listing(
    sa.select(
        *(OptionGroup.uuid, OptionGroup.key, OptionGroup.label, OptionGroup.kind),
        *(OptionGroup.unit, OptionGroup.minimum, OptionGroup.maximum, OptionGroup.step),
        _products,
    ),
    key=OptionGroup.id,
    sorts={"new": Sort(OptionGroup.id, descending=True), "key": Sort(OptionGroup.key)},
    filters={
        "kind": Filter(
            _("Type"),
            lambda word: OptionGroup.kind == word if word in set(OptionKind) else None,
            choices=lambda: list(KINDS.items()),
        ),
    },
    search=lambda text: sa.or_(
        OptionGroup.label.icontains(text, autoescape=True),
        OptionGroup.key.icontains(text, autoescape=True),
    ),
    columns={
        "label": Column(_("Option group"), lambda row: row.label),
        "key": Column(_("Key"), lambda row: row.key),
        "kind": Column(_("Type"), lambda row: row.kind),
        "products": Column(_("Products"), lambda row: row.products),
    },
    noun="option groups",
    placeholder=_("Name or key"),
)


class GroupForm(Form):
    """A new option group."""

    SAVED = ("label", "key", "kind", "unit", "minimum", "maximum", "step")
    label = StringField(
        _("Name"),
        [InputRequired(_("Enter a name.")), Length(max=200)],
        description=_("Shown to customers."),
    )
    key = StringField(
        _("Key"),
        [InputRequired(_("Enter a key.")), Length(max=40)],
        description=_(
            "The name under which modules receive the selected value. Can't be changed later."
        ),
    )
    kind = SelectField(
        _("Type"),
        choices=lambda: choices((key, str(text)) for key, text in KINDS.items()),
        description=_("Can't be changed later."),
    )
    unit = StringField(_("Unit"), [Length(max=40)], description=_("Of a quantity, such as GB."))
    minimum = IntegerField(
        _("Minimum quantity"), [InputRequired(_("Enter a whole number."))], default=0
    )
    maximum = IntegerField(
        _("Maximum quantity"), [InputRequired(_("Enter a whole number."))], default=1
    )
    step = IntegerField(_("Step"), [InputRequired(_("Enter a whole number."))], default=1)


class OptionForm(Form):
    """An option of a choice."""

    SAVED = ("label", "key", "position", "free", "hidden")
    label = StringField(
        _("Name"),
        [InputRequired(_("Enter a name.")), Length(max=200)],
        description=_("Shown to customers."),
    )
    key = StringField(
        _("Key"),
        [InputRequired(_("Enter a key.")), Length(max=40)],
        description=_("The value that modules receive. Can't be changed later."),
    )
    position = IntegerField(
        _("Position"),
        [InputRequired(_("Enter a whole number.")), NumberRange(0, 9999)],
        default=0,
        description=_("Smaller numbers come first; the first option is the default."),
    )
    free = BooleanField(
        _("Included"), description=_("Included in the product's price; needs no prices of its own.")
    )
    hidden = BooleanField(_("Hidden"), description=_("Can no longer be chosen."))


def describe(group: OptionGroup) -> Text:
    """Return how an option group is chosen, in a few words."""
    if group.kind == OptionKind.CHOICE:
        count = len([option for option in group.options if not option.hidden])
        return _n("Choice of %(num)s option", "Choice of %(num)s options", count)
    if group.kind == OptionKind.YES_NO:
        words: Text = _("Yes or no")
        return words
    quantity: Text = _(
        "%(minimum)s to %(maximum)s %(unit)s, steps of %(step)s",
        minimum=group.minimum,
        maximum=group.maximum,
        unit=group.unit,
        step=group.step,
    )
    return quantity


@bp.get("/")
@allow(PRODUCTS_VIEW)
def index() -> ResponseReturnValue:
    """List option groups."""
    return list_view(
        OPTION_GROUPS, "option-groups", "admin/catalog/options/index.html", kinds=KINDS
    )


@bp.route("/new", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def create() -> ResponseReturnValue:
    """Create an option group and continue to its options or prices."""
    form = GroupForm()

    def save() -> tuple[Text, str]:
        group = options.save_option_group(actor=actor(), uuid=None, **form.values(*form.SAVED))
        return _("%(name)s added.", name=group.label), url_for(
            "admin.options.show", uuid=group.uuid
        )

    return save_or_show(
        form,
        save,
        title=_("Add option group"),
        crumbs=crumbs("options"),
        label=_("Add option group"),
        consequence=_("Unit, minimum, maximum and step apply only to quantity options."),
    )


@bp.get("/<uuid>")
@allow(PRODUCTS_VIEW)
def show(uuid: str) -> ResponseReturnValue:
    """Show an option group with its options."""
    group = options.find_option_group(uuid)
    return render_template(
        "admin/catalog/options/show.html",
        group=group,
        kind=KINDS[OptionKind(group.kind)],
        sentence=describe(group),
        timeline=audit.timeline(actor(), "option_group", uuid, 20),
    )


@bp.route("/<uuid>/edit", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit(uuid: str) -> ResponseReturnValue:
    """Update an option group."""
    group = options.find_option_group(uuid)
    form = GroupForm(obj=group)
    del form.key, form.kind
    if group.kind != OptionKind.QUANTITY:
        del form.unit, form.minimum, form.maximum, form.step
    names = [name for name in GroupForm.SAVED if name in form]

    def save() -> tuple[Text, str]:
        options.save_option_group(
            actor=actor(),
            uuid=uuid,
            **({"key": group.key, "kind": group.kind} | form.values(*names)),
        )
        return _("Option group saved."), url_for("admin.options.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Edit %(name)s", name=group.label),
        crumbs=_crumbs(group),
        label=_("Save option group"),
    )


@bp.route("/<uuid>/new", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def add_option(uuid: str) -> ResponseReturnValue:
    """Add an option to a choice."""
    group, form = options.find_option_group(uuid), OptionForm()

    def save() -> tuple[Text, str]:
        option = options.save_option(
            actor=actor(), group_uuid=uuid, uuid=None, **form.values(*form.SAVED)
        )
        return _("%(name)s added.", name=option.label), _next(group, option)

    return save_or_show(
        form,
        save,
        title=_("Add option"),
        crumbs=_crumbs(group),
        label=_("Add option"),
    )


@bp.route("/<uuid>/<option_uuid>/edit", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def edit_option(uuid: str, option_uuid: str) -> ResponseReturnValue:
    """Update an option."""
    group, option = options.find_option_group(uuid), options.find_option(uuid, option_uuid)
    form = OptionForm(obj=option)
    del form.key

    def save() -> tuple[Text, str]:
        options.save_option(
            actor=actor(),
            group_uuid=uuid,
            uuid=option_uuid,
            key=option.key,
            **form.values("label", "position", "free", "hidden"),
        )
        return _("Option saved."), url_for("admin.options.show", uuid=uuid)

    return save_or_show(
        form,
        save,
        title=_("Edit %(name)s", name=option.label),
        crumbs=_crumbs(group),
        label=_("Save option"),
    )


@bp.route("/<uuid>/<option_uuid>/prices", methods=["GET", "POST"])
@allow(PRODUCTS_MANAGE)
def option_prices(uuid: str, option_uuid: str) -> ResponseReturnValue:
    """Show or save the prices of an option."""
    group, option = options.find_option_group(uuid), options.find_option(uuid, option_uuid)
    return matrix_page(
        price_rows.live(option),
        PERIODS,
        Actions(
            lambda: price_rows.live(options.lock_option(option_uuid)),
            lambda cells: options.save_option_prices(
                actor=actor(), option_uuid=option_uuid, cells=cells
            ),
            lambda to: options.derive_option_prices(
                actor=actor(), option_uuid=option_uuid, currency=to
            ),
            lambda of: options.copy_option_prices_down(
                actor=actor(), option_uuid=option_uuid, currency=of
            ),
        ),
        url_for("admin.options.option_prices", uuid=uuid, option_uuid=option_uuid),
        "admin/catalog/options/prices.html",
        group=group,
        option=option,
        crumbs=_crumbs(group),
    )


def _next(group: OptionGroup, option: Option) -> str:
    """Return the page after an option was added: its prices, unless it is included."""
    if option.free:
        return url_for("admin.options.show", uuid=group.uuid)
    return url_for("admin.options.option_prices", uuid=group.uuid, option_uuid=option.uuid)


def _crumbs(group: OptionGroup) -> list[tuple[str, str]]:
    return [*crumbs("options"), (group.label, url_for("admin.options.show", uuid=group.uuid))]
