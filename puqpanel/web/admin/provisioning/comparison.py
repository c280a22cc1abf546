"""A difference between a service and its provider, as pages show it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wtforms.fields.core import UnboundField

from puqpanel.domain.differences import (
    LABELS,
    Change,
    Difference,
    DifferenceKind,
    Observation,
    compare,
)
from puqpanel.domain.service_states import PROVISION_LABELS, STATUS_LABELS, VERBS, ProvisionStatus
from puqpanel.domain.texts import Text, _
from puqpanel.host import languages, registry
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.redact import redact_text, secret_name
from puqpanel.models import Service, ServiceDifference
from puqpanel.operations.provisioning import differences, observations
from puqpanel.operations.provisioning.services import module_of
from puqpanel.web.guard import can

HIDDEN = "••••••"
MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that differs, and what the panel and the provider have."""

    label: Text | str
    panel: Text | str
    provider: Text | str


@dataclass(frozen=True, slots=True)
class Choices:
    """What the viewer can do about a difference of a service.

    Args:
        difference: the difference; None if the service is only marked as not found.
        lines: what differs.
        digest: identifies the difference that was shown.
        takes_over: whether the provider's state can be taken over.
        pushes: the label of the verb that can be pushed again; empty if there is none.
        creates: whether the service can be created again.
    """

    difference: Difference | None
    lines: Sequence[Line]
    digest: str
    takes_over: bool
    pushes: Text | str
    creates: bool


def choices_for(service: Service, row: ServiceDifference | None) -> Choices | None:
    """Return what the signed-in staff member can do about a service's difference; None if nothing.

    A service that is marked as not found can be created again without a difference.

    Args:
        service: the service.
        row: its stored difference.
    """
    module = module_of(service)
    found = observations.read_row(service, row)
    difference = found[1] if found else None
    creates = module is not None and differences.can_create_again(service, difference)
    if found is None and not creates:
        return None
    provision = can("services.provision") and module is not None
    verb = differences.pushed_verb(service, difference) if difference and provision else ""
    needed = differences.take_over_permissions(difference) if difference else []
    return Choices(
        difference,
        lines(module, service.status, service.provision_status, *found) if found else (),
        difference.digest if difference else "",
        difference is not None
        and all(can(permission) for permission in needed)
        and (module is not None or not difference.changes),
        VERBS[verb].label if verb else "",
        creates and provision,
    )


def lines_of_row(row: Any) -> Sequence[Line]:
    """Return what differs for a row of the list of differences; nothing if it no longer does."""
    observation = Observation.read(row.answer)
    data = {**row.service_data, **row.provision_data}
    if observation is None:
        return ()
    difference = compare(row.status, row.provision_status, data, observation)
    if difference is None:
        return ()
    module = registry.current().get(row.module)
    return lines(module, row.status, row.provision_status, observation, difference)


def lines(
    module: LoadedModule | None,
    status: str,
    provision_status: str,
    observation: Observation,
    difference: Difference,
) -> Sequence[Line]:
    """Return what differs, with the secrets masked.

    Args:
        module: the service's module; None if it is not active.
        status: of the service.
        provision_status: of the service.
        observation: what the provider reports.
        difference: the difference.
    """
    state = _state(status, provision_status, observation, difference)
    secrets = secret_fields(module.cls) if module else None
    labels = _labels(module)

    def hidden(key: str) -> bool:
        # without the module, what it declares secret is not known
        return secrets is None or key in secrets or secret_name(key)

    return [
        *state,
        *(_line(change, labels, hidden=hidden(change.key)) for change in difference.changes),
    ]


def _state(
    status: str, provision_status: str, observation: Observation, difference: Difference
) -> list[Line]:
    if not difference.is_state:
        return []
    panel: Text = STATUS_LABELS[status]  # type: ignore[index]
    if provision_status == ProvisionStatus.NOT_FOUND:
        panel = PROVISION_LABELS[ProvisionStatus.NOT_FOUND]
    if difference.kind is DifferenceKind.GONE:
        provider = PROVISION_LABELS[ProvisionStatus.NOT_FOUND]
    elif observation.suspended is None:
        provider = LABELS[DifferenceKind.FOUND]
    else:
        provider = _("Exists, suspended") if observation.suspended else _("Exists, not suspended")
    return [Line(_("State"), panel, provider)]


def _line(change: Change, labels: Mapping[str, str], *, hidden: bool) -> Line:
    label = labels.get(change.key) or change.key.replace("_", " ").capitalize()
    if hidden:
        return Line(label, *(HIDDEN if value else "" for value in (change.panel, change.provider)))
    return Line(label, _shown(change.panel), _shown(change.provider))


def _shown(value: Any) -> Text | str:
    if value is True:
        return _("Yes")
    if value is False:
        return _("No")
    if value in (None, "", [], {}):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = redact_text(text[: MAX_LENGTH * 2])
    return text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + "…"


def _labels(module: LoadedModule | None) -> dict[str, str]:
    """Return the labels of the fields of a module's form for services."""
    form = getattr(module.cls, "ServiceForm", None) if module else None
    if module is None or not isinstance(form, type):
        return {}
    labels = {}
    for name in dir(form):
        field = getattr(form, name, None)
        if isinstance(field, UnboundField):
            label = field.args[0] if field.args else field.kwargs.get("label")
            if label:
                labels[name] = languages.translate(module.folder, str(label))
    return labels
