"""The setup of a new panel, step by step. Add a step to STEPS and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.permissions import (
    COMPANIES_MANAGE,
    CURRENCIES_MANAGE,
    MODULES_MANAGE,
    MODULES_VIEW,
    PRODUCTS_MANAGE,
    SETTINGS_MANAGE,
)
from puqpanel.domain.settings_table import FIRM, GROUPS, REGION
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.operations.billing import companies, tax_tables
from puqpanel.operations.modules import lifecycle, loading
from puqpanel.operations.oversight import setup
from puqpanel.operations.system import settings
from puqpanel.operations.system.currencies import base_currency
from puqpanel.web.admin.modules.installed import first_of
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.fields import country_name
from puqpanel.web.forms import errors_in, form_page
from puqpanel.web.guard import actor, allow, can
from puqpanel.web.navigation import module_home
from puqpanel.web.setting_fields import settings_form

bp = Blueprint("setup", __name__, url_prefix="/setup")
MOST = 25
"""Modules that a step lists; the others are on the Modules page."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the setup.

    Args:
        key: Part of its URL.
        label: Its name.
        help: What it is for.
        icon: A Font Awesome name.
        permission: Permission to see and complete it.
        done: Whether the panel has what the step is for.
        group: Group of settings that the step asks for; empty for a step of another kind.
        template: Template of its page, unless it asks for settings.
        context: What the template shows.
        submit: Handles the form of the template.
    """

    key: str
    label: Text | str
    help: Text | str
    icon: str
    permission: str
    done: Callable[[], bool]
    group: str = ""
    template: str = ""
    context: Callable[[], dict[str, Any]] = dict
    submit: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A step with its state: `done`, `skipped` or `open`."""

    step: Step
    state: str


def _installed() -> dict[str, Any]:
    modules_dir = current_app.extensions["puqpanel-settings"].modules_dir
    rows = first_of(modules_dir, "Product", MOST + 1)
    return {
        "rows": rows[:MOST],
        "INACTIVE": ModuleStatus.INACTIVE,
        "has_more": len(rows) > MOST,
    }


def _activate() -> None:
    """Activate the module that was submitted."""
    if not can(MODULES_MANAGE):
        abort(403)
    module_type, _slash, name = request.form.get("module", "").partition("/")
    modules_dir = current_app.extensions["puqpanel-settings"].modules_dir
    with flashed_errors():
        loading.prove(modules_dir, module_type, name)
        lifecycle.activate(
            actor=actor(), modules_dir=modules_dir, module_type=module_type, name=name
        )
        flash(_("%(name)s activated.", name=name), "good")


def _product_modules() -> dict[str, Any]:
    loaded = registry.current().of_type("Product")
    return {
        "modules": [
            (module, module_home(module) if module.sidebar else "") for module in loaded[:MOST]
        ],
        "has_more": len(loaded) > MOST,
    }


STEPS: tuple[Step, ...] = (
    Step(
        "firm",
        _("Name and look"),
        _("What customers see on all pages."),
        "building",
        SETTINGS_MANAGE,
        lambda: setup.any_saved(FIRM.by_name),
        group="firm",
    ),
    Step(
        "region",
        _("Language and time zone"),
        _("Defaults for new clients, and for visitors who have not chosen."),
        "globe",
        SETTINGS_MANAGE,
        lambda: setup.any_saved(REGION.by_name),
        group="region",
    ),
    Step(
        "currency",
        _("Currencies"),
        _("The base currency of prices and reports, and other currencies you sell in."),
        "coins",
        CURRENCIES_MANAGE,
        lambda: False,  # the default may be right: only staff can say
        template="admin/oversight/setup/currency.html",
        context=lambda: {"base": base_currency()},
    ),
    Step(
        "seller",
        _("Seller"),
        _("The company on invoices, with its address, VAT number and bank account."),
        "file-invoice",
        COMPANIES_MANAGE,
        setup.has_company,
        template="admin/oversight/setup/seller.html",
        context=lambda: {
            "companies": companies.companies(),
            "missing_details": companies.missing_details,
            "missing_rates": lambda company: map(country_name, tax_tables.missing_rates([company])),
        },
    ),
    Step(
        "modules",
        _("Modules"),
        _(
            "A product module connects the panel to a provider. Without one, staff set up services"
            " by hand."
        ),
        "puzzle-piece",
        MODULES_MANAGE,
        setup.has_product_module,
        template="admin/oversight/setup/modules.html",
        context=_installed,
        submit=_activate,
    ),
    Step(
        "provider",
        _("Provider"),
        _("Enter the address and credentials of a provider, and test the connection."),
        "plug",
        MODULES_VIEW,
        setup.provider_responded,
        template="admin/oversight/setup/provider.html",
        context=_product_modules,
    ),
    Step(
        "product",
        _("First product"),
        _("What customers buy: a price, a billing period and the module that provisions it."),
        "cube",
        PRODUCTS_MANAGE,
        setup.has_product,
        template="admin/oversight/setup/product.html",
        context=_product_modules,
    ),
)


def list_steps(state: setup.State | None = None) -> list[Shown]:
    """Return the steps that the viewer may complete, with their state.

    Args:
        state: what staff decided, if the caller has read it.
    """
    state = state or setup.state()
    return [
        Shown(
            step,
            "done"
            if step.key in state.confirmed or step.done()
            else "skipped"
            if step.key in state.skipped
            else "open",
        )
        for step in STEPS
        if can(step.permission)
    ]


def checklist() -> list[Shown]:
    """Return the steps for the dashboard; none once all are done or the setup was dismissed."""
    if not can(SETTINGS_MANAGE) or (state := setup.state()).dismissed:
        return []
    steps = list_steps(state)
    return steps if any(each.state == "open" for each in steps) else []


@bp.get("/")
@allow(SETTINGS_MANAGE)
def index() -> ResponseReturnValue:
    """List the steps."""
    steps = list_steps()
    return render_template("admin/oversight/setup/index.html", steps=steps, next=_next_url(steps))


@bp.route("/<key>", methods=["GET", "POST"])
@allow(SETTINGS_MANAGE)
def step(key: str) -> ResponseReturnValue:
    """Show a step, and save it."""
    current = _step(key)
    steps = list_steps()
    context: dict[str, Any] = {"step": current, "steps": steps, "after": _next_url(steps, key)}
    if not current.group:
        if request.method == "POST" and current.submit:
            current.submit()
            return redirect(url_for("admin.setup.step", key=key))
        return render_template(current.template, **context, **current.context())
    form = settings_form(GROUPS[current.group].by_name, current.group)
    if form.validate_on_submit():
        with errors_in(form):
            settings.save(actor=actor(), values=form.typed(), seen=form.seen.data)
            setup.confirm(actor=actor(), key=key)
            return redirect(_next_url(list_steps(), key))
    return form_page(form, "admin/oversight/setup/settings.html", **context)


@bp.post("/<key>/<any(confirm, skip):decision>")
@allow(SETTINGS_MANAGE)
def decide(key: str, decision: str) -> ResponseReturnValue:
    """Mark a step as completed or skipped, and show the next one."""
    operation = {"confirm": setup.confirm, "skip": setup.skip}[decision]
    operation(actor=actor(), key=_step(key).key)
    return redirect(_next_url(list_steps(), key))


@bp.post("/dismiss")
@allow(SETTINGS_MANAGE)
def dismiss() -> ResponseReturnValue:
    """Stop showing the setup on the dashboard."""
    setup.dismiss(actor=actor())
    flash(
        _("Setup dismissed. You can find everything under Settings, Modules and Products."), "good"
    )
    return redirect(url_for("admin.dashboard.index"))


def _step(key: str) -> Step:
    current = next((each for each in STEPS if each.key == key), None) or abort(404)
    if not can(current.permission):
        abort(403)
    return current


def _next_url(steps: list[Shown], after: str = "") -> str:
    """Return the URL of the next open step, after a step if there is one, or of the list."""
    keys = [each.step.key for each in steps]
    start = keys.index(after) + 1 if after in keys else 0
    for each in [*steps[start:], *steps[:start]]:
        if each.state == "open" and each.step.key != after:
            return url_for("admin.setup.step", key=each.step.key)
    return url_for("admin.setup.index")
