"""What staff do to a service at its provider: create, suspend, unsuspend, change package,
terminate, try again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from puqpanel.domain.errors import ConflictError, InProgressError, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.service_states import VERBS
from puqpanel.infra.db import session
from puqpanel.models import Client, Product, Service
from puqpanel.operations.oversight import tasks as task_operations
from puqpanel.operations.provisioning import requests, services
from puqpanel.web.admin.provisioning.bulk import Bulk, run
from puqpanel.web.forms import Form, add_errors, choices
from puqpanel.web.guard import actor, allow

bp = Blueprint("provisioning", __name__, url_prefix="/services")
AT_ONCE = frozenset({"create", "unsuspend"})


class PackageForm(Form):
    """Which product the service has from now on."""

    product = SelectField(
        "Product",
        [InputRequired("Choose a product.")],
        description="Only products of the same module.",
    )
    price = SelectField(
        "Price",
        [InputRequired("Say what it costs from now on.")],
        default="keep",
        choices=choices(
            [
                ("keep", "Keep the price it was sold at"),
                ("take", "Take the product's price of today"),
            ]
        ),
    )


class SuspendForm(Form):
    """Why a service is suspended."""

    reason = StringField(
        "Reason (optional)",
        description="Only staff see it, on the service's page and in its timeline.",
        render_kw={"maxlength": requests.REASON},
    )


def ask(uuid: str, verb: str, **more: Any) -> str:
    """Asks for a verb and answers the sentence that is shown for it.

    Args:
        more: what `provisioning.request` wants to know of a change of package, or the reason.

    Raises:
        UserError: it was refused.
    """
    result = requests.request(actor=actor(), service_uuid=uuid, verb=verb, **more)
    label = VERBS[verb].label
    if not result.ok:
        raise ConflictError(result.message or f"{label} was refused by the module.")
    return f"{label} is under way."


def retry_last(uuid: str) -> str:
    """Retry the last task of a service and return the message to show.

    Raises:
        UserError: it cannot be retried.
    """
    task = task_operations.retry_last_task(actor=actor(), service_uuid=uuid)
    return f"{task.title or 'The task'} was started again."


def _done(uuid: str, act: partial[str]) -> ResponseReturnValue:
    try:
        flash(act(), "good")
    except InProgressError as error:
        flash(str(error), "busy")
    except ConflictError as error:
        flash(str(error), "bad")
    return redirect(url_for("admin.services.show", uuid=uuid))


@bp.post("/<uuid>/<any(create, unsuspend):verb>")
@allow("services.provision")
def at_once(uuid: str, verb: str) -> ResponseReturnValue:
    """What needs no question: it gives and takes nothing away."""
    return _done(uuid, partial(ask, uuid, verb))


@bp.post("/<uuid>/retry")
@allow("services.provision")
def retry(uuid: str) -> ResponseReturnValue:
    """Tries again what failed."""
    return _done(uuid, partial(retry_last, uuid))


@bp.get("/<uuid>/suspend")
@allow("services.provision")
def suspend_form(uuid: str) -> ResponseReturnValue:
    """The question before a suspension."""
    service = services.find_service(uuid)
    return render_template(
        "admin/provisioning/services/suspend.html",
        form=SuspendForm(),
        title=f"Suspend {service.name}?",
        button="Suspend service",
        keep="Leave it on",
        back=_page(uuid),
        lead="Until it is unsuspended:",
        goes=["The customer cannot use it", "The provider keeps everything that is in it"],
        stays=f"{service.client.name} sees that it is suspended.",
    )


@bp.post("/<uuid>/suspend")
@allow("services.provision")
def suspend_submit(uuid: str) -> ResponseReturnValue:
    """Suspends; the reason is for whoever of staff wonders later."""
    return _done(uuid, partial(ask, uuid, "suspend", reason=SuspendForm().reason.data or ""))


@bp.get("/<uuid>/terminate")
@allow("services.terminate")
def terminate_form(uuid: str) -> ResponseReturnValue:
    """The question before a termination; the name has to be typed."""
    return _terminate(services.find_service(uuid))


@bp.post("/<uuid>/terminate")
@allow("services.terminate")
def terminate_submit(uuid: str) -> ResponseReturnValue:
    """Terminates, if the name was typed."""
    service = services.find_service(uuid)
    if request.form.get("typed", "").strip() != service.name:
        return (
            _terminate(
                service,
                "Type the name exactly as it is written, then nothing is terminated by mistake.",
            ),
            422,
        )
    return _done(uuid, partial(ask, uuid, "terminate"))


def _terminate(service: Service, wrong: str = "") -> str:
    return render_template(
        "admin/confirm.html",
        title=f"Terminate {service.name}?",
        button="Terminate service",
        back=_page(service.uuid),
        typed=service.name,
        lead="This deletes at the provider, at once and for good:",
        goes=[
            f"The account or machine of {service.name}",
            "All data in it, with whatever backups the provider keeps beside it",
        ],
        stays="The client, the price, the timeline and the log stay.",
        wrong=wrong,
    )


@bp.get("/<uuid>/package")
@allow("services.provision")
def package_form(uuid: str) -> ResponseReturnValue:
    """Which product the service is to have."""
    service = services.find_service(uuid)
    return _package(PackageForm(data={"product": service.product.uuid}), service)


@bp.post("/<uuid>/package")
@allow("services.provision")
def package_submit(uuid: str) -> ResponseReturnValue:
    """Changes the product, then has the module carry it to the provider."""
    service = services.find_service(uuid)
    form = PackageForm()
    form.product.choices = choices(_packages(service))
    if form.validate_on_submit():
        try:
            flash(
                ask(
                    uuid,
                    "change_package",
                    product_uuid=form.product.data,
                    take_price=form.price.data == "take",
                ),
                "good",
            )
        except UserError as error:
            add_errors(form, error)
        else:
            return redirect(_page(uuid))
    return _package(form, service), 422


def _packages(service: Service) -> list[tuple[str, str]]:
    rows = session().execute(
        sa.select(Product.uuid, Product.name, Product.price_minor, Product.currency)
        .where(
            Product.module == service.product.module,
            sa.or_(Product.active, Product.id == service.product_id),
        )
        .order_by(Product.name)
        .limit(500)
    )
    return [
        (
            row.uuid,
            f"{row.name}, {Money(row.price_minor, row.currency)}"
            + (" (as it is configured now)" if row.uuid == service.product.uuid else ""),
        )
        for row in rows
    ]


def _package(form: PackageForm, service: Service) -> str:
    form.product.choices = choices(_packages(service))
    return render_template(
        "admin/form.html",
        title="Change package",
        crumbs=[("Services", url_for("admin.services.index")), (service.name, _page(service.uuid))],
        form=form,
        label="Change package",
        back=_page(service.uuid),
        consequence=(
            "Queues a task. If the provider does not follow, the service stays on what it has."
        ),
    )


def _page(uuid: str) -> str:
    return url_for("admin.services.show", uuid=uuid)


def _names(uuids: Sequence[str]) -> Iterable[tuple[str, str]]:
    found = (
        sa.select(Service.uuid, Service.name, Client.name)
        .join(Client, Client.id == Service.client_id)
        .where(Service.uuid.in_(uuids))
    )
    return [
        (uuid, f"{name} of {client}")
        for uuid, name, client in session().execute(found.order_by(Service.name, Service.id))
    ]


BULK = {
    "suspend": Bulk(
        "services.provision",
        "Suspend",
        "queued for suspension",
        lambda uuid: ask(uuid, "suspend"),
        "Their customers cannot use them until they are unsuspended:",
    ),
    "unsuspend": Bulk(
        "services.provision",
        "Unsuspend",
        "queued to be unsuspended",
        lambda uuid: ask(uuid, "unsuspend"),
        "These are switched on again:",
    ),
    "retry": Bulk(
        "services.provision",
        "Retry",
        "started again",
        retry_last,
        "What failed last is tried again for:",
    ),
    "terminate": Bulk(
        "services.terminate",
        "Terminate",
        "queued for termination",
        lambda uuid: ask(uuid, "terminate"),
        "This deletes at the provider, at once and for good, the accounts and all data of:",
        danger=True,
    ),
}


@bp.post("/bulk")
@allow("services.provision")
def bulk() -> ResponseReturnValue:
    """The bulk bar of the list."""
    if request.form.get("do") not in BULK:
        abort(400)
    return run(BULK, _names, "service", "services", url_for("admin.services.index"))
