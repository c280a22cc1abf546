"""The bulk actions: what each can be applied to, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.errors import ConflictError, UserError
from puqpanel.domain.permissions import DOCUMENTS_ISSUE, SERVICES_VIEW, TASKS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.service_states import VERBS, check_verb
from puqpanel.domain.task_states import CANCELLABLE, OPEN, RETRYABLE
from puqpanel.domain.texts import Text, _
from puqpanel.models import Document, Service, Task
from puqpanel.operations.billing import bulk_issuing
from puqpanel.operations.billing.documents import NOT_A_DRAFT
from puqpanel.operations.catalog.products import check_configured, module_of
from puqpanel.operations.oversight import tasks
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import implements

Record = Callable[[Sequence[str], Sequence[tuple[str, Text]]], None]


@dataclass(frozen=True, slots=True)
class Action:
    """A bulk action.

    Args:
        title: of its task.
        permission: required to start it; the operation on each row asks for its own.
        problem: returns why a row is not eligible; None if it is.
        run: applies it to one row; None if `run_all` is given.
        requested: the audit action of a request by `run`.
        subject: what its rows are: service, task or document.
        run_all: applies it to many rows in short transactions, each of which calls the function
            that it is given with the rows that are done and those that are refused.
    """

    title: Text
    permission: str
    problem: Callable[[Principal, Any], Text | None]
    run: Callable[[Principal, str, str], object] | None = None
    requested: str = ""
    subject: str = "service"
    run_all: Callable[[Principal, Sequence[str], Record], object] | None = None


def _verb_problem(verb: str, actor: Principal, service: Service) -> Text | None:
    try:
        actor.require(VERBS[verb].permission)
        check_verb(verb, service.status, service.provision_status, idle=service.idle)
        if verb == "create":
            check_configured(service.product)
    except UserError as error:
        return error.text
    module = module_of(service.product)
    if service.product.module and module is None:
        return _("The module of this service is not active.")
    if VERBS[verb].from_idle is not None and not (module and implements(module, VERBS[verb])):
        return _("This service's module does not support this action.")
    return None


def _run_verb(verb: str, actor: Principal, uuid: str, reason: str) -> None:
    result = requests.request(actor=actor, service_uuid=uuid, verb=verb, reason=reason)
    if not result.ok:
        raise ConflictError(
            result.message or _("The module rejected the request without a message.")
        )


def _retry_problem(actor: Principal, service: Service) -> Text | None:
    last = next(iter(tasks.tasks_about("service", service.uuid, limit=1)), None)
    if last is None:
        return _("No failed task to retry.")
    if last.status in OPEN:
        return _("Already in progress.")
    return _task_retry_problem(actor, last)


def _task_retry_problem(actor: Principal, task: Task) -> Text | None:
    if task.status not in RETRYABLE:
        return _("The task can't be retried: it has not failed.")
    try:
        for permission in tasks.retry_permissions(task):
            actor.require(permission)
    except UserError as error:
        return error.text
    return None


def _cancel_problem(actor: Principal, task: Task) -> Text | None:
    return (
        None if task.status in CANCELLABLE else _("Only queued or parked tasks can be cancelled.")
    )


def _issue_problem(actor: Principal, document: Document) -> Text | None:
    return None if document.status == DocumentStatus.DRAFT else NOT_A_DRAFT


def _issue_all(actor: Principal, uuids: Sequence[str], record: Record) -> None:
    """Issue drafts whose totals are still those that the list shows."""
    bulk_issuing.issue_drafts(
        actor=actor,
        uuids=uuids,
        keep_totals=True,
        record=lambda chunk: record([uuid for uuid, _document in chunk.issued], chunk.refused),
    )


def _of_services(verb: str, title: Text) -> Action:
    return Action(
        title,
        VERBS[verb].permission,
        partial(_verb_problem, verb),
        partial(_run_verb, verb),
        f"service.{verb}_requested",
    )


ACTIONS: Mapping[str, Action] = {
    "create": _of_services("create", _("Create services")),
    "suspend": _of_services("suspend", _("Suspend services")),
    "unsuspend": _of_services("unsuspend", _("Unsuspend services")),
    "idle": _of_services("idle", _("Make services idle")),
    "unidle": _of_services("unidle", _("Resume services from idle")),
    "terminate": _of_services("terminate", _("Terminate services")),
    "retry": Action(
        _("Retry services"),
        SERVICES_VIEW,
        _retry_problem,
        lambda actor, uuid, reason: tasks.retry_last_task(actor=actor, service_uuid=uuid),
        "task.retried",
    ),
    "retry_tasks": Action(
        _("Retry tasks"),
        TASKS_MANAGE,
        _task_retry_problem,
        lambda actor, uuid, reason: tasks.retry_task(actor=actor, uuid=uuid),
        "task.retried",
        subject="task",
    ),
    "cancel_tasks": Action(
        _("Cancel tasks"),
        TASKS_MANAGE,
        _cancel_problem,
        lambda actor, uuid, reason: tasks.cancel_task(actor=actor, uuid=uuid),
        "task.cancelled",
        subject="task",
    ),
    "issue": Action(
        _("Issue documents"),
        DOCUMENTS_ISSUE,
        _issue_problem,
        subject="document",
        run_all=_issue_all,
    ),
}
