"""Bulk actions: one task applies an action to many services, tasks or documents.

The bulk task only requests what is not yet requested; the task of each service does the work.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog

from puqpanel.domain.document_states import KIND_LABELS
from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import NotFoundError, UserError
from puqpanel.domain.permissions import TASKS_MANAGE
from puqpanel.domain.principals import AUTOMATION, CLI, Principal, PrincipalKind
from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.domain.task_states import OPEN, TaskStatus
from puqpanel.domain.texts import Text, _, named, verbatim
from puqpanel.infra.db import find, release, session, transaction, write
from puqpanel.models import Audit, BulkItem, Document, Service, Staff, Task
from puqpanel.operations.accounts.principals import staff_principal
from puqpanel.operations.catalog.products import module_of
from puqpanel.operations.oversight.bulk_actions import ACTIONS, Action, Record
from puqpanel.operations.provisioning import requests
from puqpanel.tasks import add, fence

log = structlog.get_logger(__name__)

JOB = "BulkJob"
MAX_ITEMS = 5000
MAX_ASKED = 200
"""Services whose module is asked, before they are created, whether they are complete."""
BATCH = 200
Row = tuple[str, str]
Refusal = tuple[str, str, Text]
"""UUID, name and reason."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The rows of a bulk action that are eligible, and those that are not, with reasons."""

    eligible: Sequence[Row]
    refused: Sequence[Refusal]


@dataclass(slots=True)
class Group:
    """Rows with the same reason."""

    reason: str
    rows: list[Row] = field(default_factory=list)


@dataclass(slots=True)
class Progress:
    """The results of a bulk action so far."""

    total: int = 0
    waiting: int = 0
    running: int = 0
    done: int = 0
    refused: dict[str, Group] = field(default_factory=dict)
    failed: dict[str, Group] = field(default_factory=dict)

    @property
    def refused_count(self) -> int:
        """The number of refused rows."""
        return sum(len(group.rows) for group in self.refused.values())

    @property
    def failed_count(self) -> int:
        """The number of failed rows."""
        return sum(len(group.rows) for group in self.failed.values())


def preview(*, actor: Principal, action: str, subjects: Sequence[str]) -> Preview:
    """Return which of the given rows an action can be applied to now.

    Args:
        actor: who would apply it.
        action: a key of `ACTIONS`.
        subjects: UUIDs; those that do not exist are left out.
    """
    rule = _rule(actor, action)
    eligible: list[Row] = []
    refused: list[Refusal] = []
    for subject in _subjects(rule, subjects):
        problem = rule.problem(actor, subject)
        if problem is None:
            eligible.append((subject.uuid, _name(subject)))
        else:
            refused.append((subject.uuid, _name(subject), problem))
    if action == "create":
        return _without_incomplete(actor, Preview(eligible, refused))
    return Preview(eligible, refused)


def _without_incomplete(actor: Principal, found: Preview) -> Preview:
    """Refuse services whose required fields are empty; of many, only the first are asked."""
    first = [uuid for uuid, _name in found.eligible[:MAX_ASKED]]
    query = sa.select(Service).where(Service.uuid.in_(first))
    modules = {row.uuid: module_of(row.product) for row in session().scalars(query)}
    problems = {
        uuid: requests.missing_fields(module, uuid, actor)
        for uuid, module in modules.items()
        if module is not None
    }
    eligible = [row for row in found.eligible if problems.get(row[0]) is None]
    refused = [
        (uuid, name, problem)
        for uuid, name in found.eligible
        if (problem := problems.get(uuid)) is not None
    ]
    return Preview(eligible, [*found.refused, *refused])


def start(*, actor: Principal, action: str, subjects: Sequence[str], reason: str = "") -> Task:
    """Add the task of a bulk action.

    Args:
        actor: who applies it; each row asks for their permissions at the time it is handled.
        action: a key of `ACTIONS`.
        subjects: UUIDs; those that are not eligible are recorded as refused.
        reason: of a suspension.
    """
    rule = _rule(actor, action)
    rows = preview(actor=actor, action=action, subjects=subjects)
    with transaction() as current:
        task = add.add(
            job=JOB,
            queue="Module",
            data={"action": action, "reason": reason, "bulk": str(uuids.uuid4())},
            title=rule.title.source,
            tries=3,
            timeout=3600,
            on_loss="repeat",
            actor=actor,
        )
        current.flush()
        for uuid, name in rows.eligible:
            current.add(BulkItem(task_id=task.id, subject_uuid=uuid, name=name[:200]))
        for uuid, name, problem in rows.refused:
            current.add(
                BulkItem(
                    task_id=task.id,
                    subject_uuid=uuid,
                    name=name[:200],
                    state="refused",
                    message=problem,
                )
            )
    return task


def work(task: Task) -> None:
    """Request what is not yet requested; call it again after a lost attempt."""
    rule, actor = ACTIONS[task.data["action"]], _current_actor(task)
    pending = (BulkItem.task_id == task.id, BulkItem.state.in_(("waiting", "started")))
    query = sa.select(BulkItem.id).where(*pending).order_by(BulkItem.id).limit(BATCH)
    while ids := session().scalars(query).all():
        release()
        if rule.run_all is not None:
            _handle_all(task, rule.run_all, actor, ids)
            continue
        for item_id in ids:
            _handle(task, rule, actor, item_id)


def progress(task: Task) -> Progress:
    """Return the results of a bulk action so far."""
    results = Progress()
    rows = session().execute(
        sa.select(
            BulkItem.subject_uuid, BulkItem.name, BulkItem.state, BulkItem.message,
            BulkItem.child_id, Task.status, Task.note,
        )
        .outerjoin(Task, Task.id == BulkItem.child_id)
        .where(BulkItem.task_id == task.id)
        .order_by(BulkItem.id)
    )  # fmt: skip
    for row in rows:
        results.total += 1
        if row.state == "refused":
            _group(results.refused, str(row.message), row)
        elif row.state != "queued":
            results.waiting += 1
        elif row.status in OPEN:
            results.running += 1
        elif row.status in (None, TaskStatus.COMPLETED):
            results.done += 1
        else:
            _group(results.failed, str(row.note), row)
    return results


def find_bulk(uuid: str) -> Task:
    """Return the task of a bulk action.

    Raises:
        NotFoundError: it does not exist.
    """
    query = sa.select(Task).where(Task.uuid == uuid, Task.job == JOB)
    return find(query, _("Bulk action not found."))


def _rule(actor: Principal, action: str) -> Action:
    rule = ACTIONS.get(action)
    actor.require(rule.permission if rule else TASKS_MANAGE)
    if rule is None:
        raise NotFoundError(_("This bulk action does not exist."))
    return rule


def _group(groups: dict[str, Group], reason: str, row: Any) -> None:
    groups.setdefault(reason, Group(reason)).rows.append((row.subject_uuid, row.name))


def _handle_all(
    task: Task,
    run_all: Callable[[Principal, Sequence[str], Record], object],
    actor: Principal,
    ids: Sequence[int],
) -> None:
    """Handle rows together; what becomes of each is recorded in the transaction that changes it."""
    chosen = sa.select(BulkItem.subject_uuid).where(BulkItem.id.in_(ids))

    def record(done: Sequence[str], refused: Sequence[tuple[str, Text]]) -> None:
        fence.check()
        mine = sa.and_(BulkItem.task_id == task.id, BulkItem.state == "waiting")
        queued = sa.and_(mine, BulkItem.subject_uuid.in_(done))
        write(sa.update(BulkItem).where(queued).values(state="queued"))
        for uuid, reason in refused:
            one = sa.and_(mine, BulkItem.subject_uuid == uuid)
            write(sa.update(BulkItem).where(one).values(state="refused", message=reason))

    uuids = session().scalars(chosen.order_by(BulkItem.id)).all()
    release()
    try:
        run_all(actor, uuids, record)
    except UserError as error:
        with transaction():
            record((), [(uuid, error.text) for uuid in uuids])


def _handle(task: Task, rule: Action, actor: Principal, item_id: int) -> None:
    assert rule.run is not None
    with transaction() as current:
        fence.check()
        item = current.get_one(BulkItem, item_id, populate_existing=True)
        in_doubt, subject = item.state == "started", item.subject_uuid
        item.state = "started"
    problem: Text | None = None
    if in_doubt and _was_requested(task, rule, subject):
        problem = _problem_after_loss(task, subject) if rule.subject == "service" else None
    else:
        try:
            rule.run(actor, subject, str(task.data.get("reason") or ""))
        except UserError as error:
            problem = error.text
        except Exception as error:
            log.exception("bulk action failed", task=task.id, subject=subject)
            problem = _("Unexpected error (%(kind)s).", kind=type(error).__name__)
    with transaction() as current:
        fence.check()
        item = current.get_one(BulkItem, item_id, populate_existing=True)
        item.state = "refused" if problem is not None else "queued"
        item.message = problem if problem is not None else verbatim("")
        item.child_id = None if problem is not None else _child(task, rule, subject)


def _child(task: Task, rule: Action, subject: str) -> int | None:
    """Return the task that does the work for a row."""
    if rule.subject == "task":
        retried = sa.select(Task.id).where(Task.uuid == subject)
        return session().scalar(retried) if rule.requested == "task.retried" else None
    query = sa.select(sa.func.max(Task.id)).where(Task.about("service", subject))
    if rule.requested != "task.retried":
        query = query.where(Task.id > task.id)
    return session().scalar(query)


def _was_requested(task: Task, rule: Action, subject: str) -> bool:
    """Return whether a lost attempt had requested a row before it could record that."""
    query = sa.select(Audit.id).where(Audit.action == rule.requested, Audit.at >= task.created_at)
    if rule.requested.startswith("task.") and rule.subject == "service":
        query = query.where(
            Audit.task_id.in_(sa.select(Task.id).where(Task.about("service", subject)))
        )
    else:
        query = query.where(Audit.subject_uuid == subject)
    found = session().scalar(query.limit(1))
    release()
    return found is not None


def _problem_after_loss(task: Task, subject: str) -> Text | None:
    """Return why a row that was requested has no task; None if it has one or is done."""
    service = session().scalar(sa.select(Service).where(Service.uuid == subject))
    child = session().scalar(
        sa.select(Task.id).where(Task.about("service", subject), Task.id > task.id).limit(1)
    )
    if service is None or child is not None:
        return None
    if service.failure:
        return service.failure
    if service.provision_status == ProvisionStatus.PROCESSING:
        return _("Interrupted before its task was added. Open the service to see its state.")
    return None


def _current_actor(task: Task) -> Principal:
    """Return who requested a bulk action, with the permissions that they have now."""
    actor = task.actor
    if actor.kind is not PrincipalKind.STAFF:
        return {PrincipalKind.AUTOMATION: AUTOMATION, PrincipalKind.CLI: CLI}.get(actor.kind, actor)
    staff = session().get(Staff, actor.id)
    principal = staff_principal(staff, ip=actor.ip) if staff and staff.active else actor
    release()
    return principal


def _subjects(rule: Action, subjects: Sequence[str]) -> Iterator[Any]:
    model: Any = {"service": Service, "task": Task, "document": Document}[rule.subject]
    for first in range(0, len(subjects), BATCH):
        query = sa.select(model).where(model.uuid.in_(subjects[first : first + BATCH]))
        yield from session().scalars(query.order_by(model.id))


def _name(subject: Any) -> str:
    if isinstance(subject, Task):
        return str(named(subject.title))
    if isinstance(subject, Document):
        kind = KIND_LABELS[DocumentKind(subject.kind)]
        return f"{subject.number or kind} · {subject.client.name} · {subject.total}"
    return str(_("%(name)s of %(client)s", name=subject.name, client=subject.client.name))
