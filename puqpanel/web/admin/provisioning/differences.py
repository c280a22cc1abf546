"""Differences between services and their providers: the list, Refresh, and the choices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.differences import LABELS, DifferenceKind
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import SERVICES_MANAGE, SERVICES_PROVISION, SERVICES_VIEW
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.host.contract.result import Result
from puqpanel.models import Client, Product, Service, ServiceDifference
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import differences, observations
from puqpanel.web.admin.provisioning.comparison import lines_of_row
from puqpanel.web.answers import flash, flashed_errors
from puqpanel.web.guard import actor, allow
from puqpanel.web.list_filters import Filter, date_filter, uuid_starts
from puqpanel.web.list_page import Column, Tab
from puqpanel.web.list_view import list_view
from puqpanel.web.lists import Listing, Sort

bp = Blueprint("differences", __name__)


def _side(row: Any, side: str) -> str:
    return "; ".join(f"{line.label}: {getattr(line, side) or '—'}" for line in lines_of_row(row))


def _module_title(key: str) -> str:
    module = registry.current().get(key)
    return module.title if module else key


DIFFERENCES = Listing(
    sa.select(
        ServiceDifference.kind,
        ServiceDifference.answer,
        ServiceDifference.since,
        Service.uuid,
        Service.name,
        Service.status,
        Service.provision_status,
        Service.service_data,
        Service.provision_data,
        Service.observed_at,
        Client.name.label("client"),
        Client.uuid.label("client_uuid"),
        Product.module,
    )
    .join(Service, Service.id == ServiceDifference.service_id)
    .join(Client, Client.id == Service.client_id)
    .join(Product, Product.id == Service.product_id),
    key=ServiceDifference.id,
    sorts={"new": Sort(ServiceDifference.id, descending=True)},
    tabs={
        "all": Tab(_("All")),
        **{
            kind.value: Tab(LABELS[kind], ServiceDifference.kind == kind) for kind in DifferenceKind
        },
    },
    filters={
        "module": Filter(
            _("Module"),
            lambda key: Product.module == key,
            choices=lambda: [(m.key, m.title) for m in products.product_modules()],
        ),
        "since": date_filter(_("Since"), ServiceDifference.since),
    },
    search=lambda text: sa.or_(
        Service.name.icontains(text, autoescape=True),
        Client.name.icontains(text, autoescape=True),
        uuid_starts(Service.uuid, text),
    ),
    columns={
        "service": Column(_("Service"), lambda row: row.name),
        "difference": Column(_("At the provider"), lambda row: LABELS.get(row.kind, row.kind)),
        "panel": Column(_("Panel"), lambda row: _side(row, "panel")),
        "provider": Column(_("Provider"), lambda row: _side(row, "provider")),
        "module": Column(_("Module"), lambda row: _module_title(row.module)),
        "client": Column(_("Client"), lambda row: row.client, export_only=True),
        "since": Column(_("Since"), lambda row: row.since),
        "observed": Column(_("Last checked"), lambda row: row.observed_at, export_only=True),
        "uuid": Column("UUID", lambda row: row.uuid, export_only=True),
    },
    noun="differences",
    placeholder=_("Name, client or ID"),
)


@bp.get("/differences/")
@allow(SERVICES_VIEW)
def index() -> ResponseReturnValue:
    """List services that differ from what their providers report."""
    template = "admin/provisioning/differences/index.html"
    return list_view(
        DIFFERENCES, "differences", template, lines_of=lines_of_row, module_title=_module_title
    )


@bp.post("/services/<uuid>/refresh")
@allow(SERVICES_PROVISION)
def refresh(uuid: str) -> ResponseReturnValue:
    """Ask the provider for the state of a service; the answer appears on its page."""

    def act() -> Text:
        task = observations.refresh(actor=actor(), service_uuid=uuid)
        if task.is_duplicate:
            return _("A refresh is already in progress.")
        return _("Refresh requested. The result will appear here.")

    return _run(uuid, act)


@bp.post("/services/<uuid>/take-over")
@allow(SERVICES_PROVISION, SERVICES_MANAGE)
def take_over(uuid: str) -> ResponseReturnValue:
    """Take over what the provider reports."""

    def act() -> Text:
        differences.take_over(actor=actor(), service_uuid=uuid, seen=_seen())
        return _("Provider state accepted. The panel now matches the provider.")

    return _run(uuid, act)


@bp.post("/services/<uuid>/push-again")
@allow(SERVICES_PROVISION)
def push_again(uuid: str) -> ResponseReturnValue:
    """Repeat the panel's state at the provider."""
    push = partial(differences.push_again, actor=actor(), service_uuid=uuid, seen=_seen())
    message = _("Reapplying the panel's state at the provider.")
    return _run(uuid, partial(_requested, push, message))


@bp.post("/services/<uuid>/create-again")
@allow(SERVICES_PROVISION)
def create_again(uuid: str) -> ResponseReturnValue:
    """Create a service again that is gone."""
    create = partial(differences.create_again, actor=actor(), service_uuid=uuid, seen=_seen())
    return _run(uuid, partial(_requested, create, _("Recreating the service.")))


def _requested(act: Callable[[], Result], message: Text) -> Text:
    result = act()
    if not result.ok:
        raise ConflictError(
            result.message or _("The module rejected the request without a message.")
        )
    return message


def _seen() -> str:
    return request.form.get("seen", "")[:64]


def _run(uuid: str, act: Callable[[], Text]) -> ResponseReturnValue:
    """Run an action, flash its message or error, and return to the service's page."""
    with flashed_errors(ConflictError):
        flash(act(), "good")
    return redirect(url_for("admin.services.show", uuid=uuid))
