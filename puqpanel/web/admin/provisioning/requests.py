"""Provisioning requests by staff, such as create, suspend, change package, terminate and retry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import SERVICES_PROVISION, SERVICES_TERMINATE
from puqpanel.domain.service_states import VERBS
from puqpanel.domain.texts import Text, _n
from puqpanel.models import Product, Service
from puqpanel.operations.oversight import tasks as task_operations
from puqpanel.operations.provisioning import fraud, requests, services
from puqpanel.web.admin.catalog import offers
from puqpanel.web.admin.oversight.bulk import Bulk, run
from puqpanel.web.admin.provisioning.services import SERVICES
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, allow
from puqpanel.web.look import task_title
from puqpanel.web.navigation import crumbs

bp = Blueprint("provisioning", __name__, url_prefix="/services")


class PackageForm(Form):
    """A change of package: the new product with its price, or with that of the service."""

    product = SelectField(
        _("Product and price"),
        [InputRequired(_("Choose a product."))],
        description=_("Products with the same module, at prices in the client's currency."),
    )


class ReasonForm(Form):
    """A suspension, cancellation or fraud mark with its reason."""

    reason = StringField(
        _("Reason (optional)"),
        description=_("Visible to staff only."),
        render_kw={"maxlength": requests.MAX_REASON_LENGTH},
    )


def request_verb(uuid: str, verb: str, **options: Any) -> Text:
    """Request a provisioning action and return the message to show.

    Args:
        uuid: the service.
        verb: a key of VERBS.
        options: further arguments of `requests.request`: a reason, or those of a package change.

    Raises:
        UserError: it was refused.
    """
    result = requests.request(actor=actor(), service_uuid=uuid, verb=verb, **options)
    if not result.ok:
        raise ConflictError(
            result.message or _("The module rejected the request without a message.")
        )
    requested: Text = _("%(operation)s requested.", operation=VERBS[verb].noun)
    return requested


def retry_last(uuid: str) -> Text:
    """Retry the last task of a service and return the message to show.

    Raises:
        UserError: it cannot be retried.
    """
    task = task_operations.retry_last_task(actor=actor(), service_uuid=uuid)
    queued: Text = _("Task queued again: %(title)s.", title=task_title(task))
    return queued


def _run(uuid: str, act: Callable[[], Text]) -> ResponseReturnValue:
    """Run an action, flash its message or error, and return to the service's page."""
    with flashed_errors(ConflictError):
        flash(act(), "good")
    return redirect(_page(uuid))


@bp.post("/<uuid>/<any(create, unsuspend, unidle):verb>")
@allow(SERVICES_PROVISION)
def at_once(uuid: str, verb: str) -> ResponseReturnValue:
    """Request an action that needs no confirmation."""
    return _run(uuid, partial(request_verb, uuid, verb))


@bp.post("/<uuid>/retry")
@allow(SERVICES_PROVISION, SERVICES_TERMINATE)
def retry(uuid: str) -> ResponseReturnValue:
    """Retry the last task."""
    return _run(uuid, partial(retry_last, uuid))


def _ask_reason(
    uuid: str, act: Callable[[str], Text], page: Callable[[Service], dict[str, Any]]
) -> ResponseReturnValue:
    """Run an action with an optional reason, after a confirmation.

    Args:
        uuid: the service.
        act: takes the reason, and returns the message to show.
        page: returns the texts of the confirmation: title, button, lead, goes and stays.
    """
    form = ReasonForm()
    if form.is_submitted():
        return _run(uuid, partial(act, form.reason.data or ""))
    return render_template(
        "admin/provisioning/services/reason.html",
        form=form,
        back=_page(uuid),
        **{"keep": _("Cancel"), **page(services.find_service(uuid))},
    )


@bp.route("/<uuid>/suspend", methods=["GET", "POST"])
@allow(SERVICES_PROVISION)
def suspend(uuid: str) -> ResponseReturnValue:
    """Request a suspension, after a confirmation."""
    return _ask_reason(
        uuid,
        lambda reason: request_verb(uuid, "suspend", reason=reason),
        lambda service: {
            "title": _("Suspend %(name)s?", name=service.name),
            "button": _("Suspend service"),
            "lead": _("Until you unsuspend the service:"),
            "goes": [_("The customer can't use it"), _("The provider keeps its data")],
            "stays": _("%(name)s sees the service as suspended.", name=service.client.name),
        },
    )


@bp.route("/<uuid>/idle", methods=["GET", "POST"])
@allow(SERVICES_PROVISION)
def idle(uuid: str) -> ResponseReturnValue:
    """Request that a service becomes idle, after a confirmation."""
    return _ask_reason(
        uuid,
        lambda reason: request_verb(uuid, "idle", reason=reason),
        lambda service: {
            "title": _("Make %(name)s idle?", name=service.name),
            "button": _("Make service idle"),
            "lead": _("Until you resume the service from idle:"),
            "goes": [_("Its resources at the provider are stopped")],
            "stays": _("The service stays active, and the provider keeps its data."),
        },
    )


@bp.route("/<uuid>/cancel", methods=["GET", "POST"])
@allow(SERVICES_TERMINATE)
def cancel(uuid: str) -> ResponseReturnValue:
    """Cancel a service that was never created, after a confirmation."""
    return _ask_reason(
        uuid,
        lambda reason: request_verb(uuid, "cancellation", reason=reason),
        lambda service: {
            "title": _("Cancel %(name)s?", name=service.name),
            "button": _("Cancel service"),
            "keep": _("Keep service"),
            "lead": _("The service ends before it was created:"),
            "goes": [_("It can't be created any more")],
            "stays": _("%(name)s sees the service as cancelled.", name=service.client.name),
        },
    )


@bp.route("/<uuid>/fraud", methods=["GET", "POST"])
@allow(SERVICES_TERMINATE)
def mark_fraud(uuid: str) -> ResponseReturnValue:
    """Mark a service as fraud, after a confirmation."""

    def mark(reason: str) -> Text:
        fraud.mark(actor=actor(), service_uuid=uuid, reason=reason)
        done: Text = _("Marked as fraud.")
        return done

    return _ask_reason(
        uuid,
        mark,
        lambda service: {
            "title": _("Mark %(name)s as fraud?", name=service.name),
            "button": _("Mark as fraud"),
            "lead": _("Until you lift the mark:"),
            "goes": [
                _("The customer can't open the service, and sees it as suspended"),
                _("The service can only be terminated"),
            ],
            "stays": _(
                "Nothing changes at the provider. Suspend the service first to stop it there."
            ),
        },
    )


@bp.post("/<uuid>/fraud/lift")
@allow(SERVICES_TERMINATE)
def lift_fraud(uuid: str) -> ResponseReturnValue:
    """Lift the fraud mark of a service."""

    def lift() -> Text:
        fraud.lift(actor=actor(), service_uuid=uuid)
        done: Text = _("No longer marked as fraud.")
        return done

    return _run(uuid, lift)


@bp.route("/<uuid>/terminate", methods=["GET", "POST"])
@allow(SERVICES_TERMINATE)
def terminate(uuid: str) -> ResponseReturnValue:
    """Request a termination, after a confirmation with the service's name typed."""
    service = services.find_service(uuid)
    posted = request.method == "POST"
    if posted and request.form.get("typed", "").strip() == service.name:
        return _run(uuid, partial(request_verb, uuid, "terminate"))
    page = render_template(
        "admin/confirm.html",
        title=_("Terminate %(name)s?", name=service.name),
        button=_("Terminate service"),
        back=_page(uuid),
        typed=service.name,
        lead=_("This permanently deletes at the provider:"),
        goes=[
            _("The account or server of %(name)s", name=service.name),
            _("All its data, and backups stored with it"),
        ],
        stays=_("The service's price, timeline and module log are kept."),
        wrong=_("Type the name exactly as shown to confirm.") if posted else "",
    )
    return page, 422 if posted else 200


@bp.route("/<uuid>/package", methods=["GET", "POST"])
@allow(SERVICES_PROVISION)
def change_package(uuid: str) -> ResponseReturnValue:
    """Request a change of package."""
    service = services.find_service(uuid)
    form = PackageForm(data={"product": service.product.uuid})
    form.product.choices = offers.options(
        service.client.currency,
        Product.module == service.product.module,
        sa.or_(Product.active, Product.id == service.product_id),
        keep=True,
    )

    def save() -> tuple[Text, str]:
        product_uuid, _slash, price_uuid = str(form.product.data).partition("/")
        message = request_verb(
            uuid, "change_package", product_uuid=product_uuid, price_uuid=price_uuid
        )
        return message, _page(uuid)

    return save_or_show(
        form,
        save,
        title=_("Change package"),
        crumbs=crumbs("services", service),
        label=_("Change package"),
        consequence=_("If the change fails, the service keeps its current package."),
    )


def _page(uuid: str) -> str:
    return url_for("admin.services.show", uuid=uuid)


BULK = {
    "create": Bulk(
        "create",
        _("Create"),
        lambda number: _n("Create %(num)s service", "Create %(num)s services", number),
        _("These services will be created at the provider:"),
    ),
    "suspend": Bulk(
        "suspend",
        _("Suspend"),
        lambda number: _n("Suspend %(num)s service", "Suspend %(num)s services", number),
        _("Customers can't use these services until you unsuspend them:"),
        asks_reason=True,
    ),
    "unsuspend": Bulk(
        "unsuspend",
        _("Unsuspend"),
        lambda number: _n("Unsuspend %(num)s service", "Unsuspend %(num)s services", number),
        _("These services will become available again:"),
    ),
    "idle": Bulk(
        "idle",
        _("Make idle"),
        lambda number: _n("Make %(num)s service idle", "Make %(num)s services idle", number),
        _("The resources of these services will be stopped until you resume the services:"),
        asks_reason=True,
    ),
    "unidle": Bulk(
        "unidle",
        _("Resume from idle"),
        lambda number: _n(
            "Resume %(num)s service from idle", "Resume %(num)s services from idle", number
        ),
        _("The resources of these services will be started again:"),
    ),
    "retry": Bulk(
        "retry",
        _("Retry"),
        lambda number: _n("Retry %(num)s service", "Retry %(num)s services", number),
        _("The last failed task will be retried for:"),
    ),
    "terminate": Bulk(
        "terminate",
        _("Terminate"),
        lambda number: _n("Terminate %(num)s service", "Terminate %(num)s services", number),
        _("This permanently deletes these services and all their data at the provider:"),
        danger=True,
    ),
}


@bp.post("/bulk")
@allow(SERVICES_PROVISION, SERVICES_TERMINATE)
def bulk() -> ResponseReturnValue:
    """Apply one of the actions of BULK to several services."""
    return run(BULK, SERVICES, url_for("admin.services.index"))
