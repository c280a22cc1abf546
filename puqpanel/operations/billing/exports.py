"""Exports of the documents of a period: a ZIP of their files, and tables for accountants.

Nothing of an export is stored but the PDFs, which every document keeps anyway. A task makes those
that are missing; the ZIP is then put together while it is downloaded, one document at a time.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import DOCUMENTS_VIEW
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import OPEN, OnLoss, TaskStatus
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import Company, Document, StoredFile, Task, TaskTag
from puqpanel.operations.billing import document_files
from puqpanel.operations.billing.companies import find_company
from puqpanel.operations.billing.document_files import UnprintableError
from puqpanel.tasks import add

JOB = "ExportJob"
CHUNK = 200
"""Documents that are read at once."""
MADE_WHILE_DOWNLOADING = 100
"""How many missing PDFs the download makes itself, at about 20 ms each; more need the task."""
ATTEMPT_SECONDS = 480
"""After this, the task lets others run and continues in another attempt."""
FAILURES_FILE = "failed.txt"
"""The file of a ZIP that names what could not be added."""
NAMED = 20
"""How many documents that failed a task names."""
PROVISIONAL = _("The company's template or logo takes too long.")
MADE_FIRST = _("Generate the PDFs first: %(missing)s are missing.")


@dataclass(frozen=True, slots=True)
class Selection:
    """The documents of an export.

    Args:
        company_uuid: of this company.
        start: issued on this day or later.
        end: issued on this day or earlier.
        kinds: of these kinds.
    """

    company_uuid: str
    start: date
    end: date
    kinds: tuple[str, ...] = field(default=(DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE))

    @property
    def company(self) -> Company:
        """The company."""
        return find_company(self.company_uuid)

    @property
    def name(self) -> str:
        """The beginning of the names of its files."""
        return f"documents-{self.start}-{self.end}"

    def check(self) -> None:
        """Check that it can be exported.

        Raises:
            InvalidInput: a field is invalid.
            NotFoundError: the company does not exist.
        """
        find_company(self.company_uuid)
        if self.start > self.end:
            raise InvalidInput({"end": [_("Enter a date on or after the start date.")]})
        if not self.kinds or set(self.kinds) - set(DocumentKind):
            raise InvalidInput({"kinds": [_("Select at least one kind of document.")]})

    def conditions(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return which rows of documents it has."""
        return (
            Document.company_id == self.company.id,
            Document.issued_on.between(self.start, self.end),
            Document.kind.in_(self.kinds),
            Document.digest != "",
        )

    def data(self) -> dict[str, Any]:
        """Return it as the data of a task."""
        values = asdict(self)
        return values | {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "kinds": sorted(self.kinds),
        }


def selection_of(data: dict[str, Any]) -> Selection:
    """Return the selection in the data of a task."""
    return Selection(
        str(data["company_uuid"]),
        date.fromisoformat(data["start"]),
        date.fromisoformat(data["end"]),
        tuple(data["kinds"]),
    )


@dataclass(frozen=True, slots=True)
class State:
    """How far an export is.

    Args:
        documents: how many it has.
        missing: how many of them have no PDF yet.
        task: the task that makes the PDFs; None if none was started.
    """

    documents: int
    missing: int
    task: Task | None

    @property
    def busy(self) -> bool:
        """Whether the task is at work."""
        return self.task is not None and self.task.status in OPEN

    @property
    def can_download(self) -> bool:
        """Whether the ZIP can be downloaded now."""
        few = self.missing <= MADE_WHILE_DOWNLOADING
        return bool(self.documents) and (few or self.has_failed)

    @property
    def has_failed(self) -> bool:
        """Whether the task made all PDFs that can be made, and others are still missing."""
        ended = self.task is not None and self.task.status == TaskStatus.FAILED
        return ended and bool(self.missing)


def state_of(*, actor: Principal, selection: Selection) -> State:
    """Return how far an export is."""
    actor.require(DOCUMENTS_VIEW)
    selection.check()
    query = sa.select(
        sa.func.count(Document.id), sa.func.count(Document.id) - sa.func.count(StoredFile.digest)
    ).outerjoin(StoredFile, StoredFile.digest == Document.digest)
    total, missing = session().execute(query.where(*selection.conditions())).one()
    return State(total, missing, _task_of(selection))


@transaction()
def request(*, actor: Principal, selection: Selection) -> Task:
    """Add the task that makes the missing PDFs of an export, unless it is waiting already."""
    actor.require(DOCUMENTS_VIEW)
    selection.check()
    return add.add(
        job=JOB,
        queue="Billing",
        data=selection.data(),
        title="Make the PDFs of an export",
        subject_type="company",
        subject_uuid=selection.company_uuid,
        tags=[_tag(selection)],
        tries=3,
        backoff=1,
        on_loss=OnLoss.REPEAT,
        actor=actor,
    )


@dataclass(slots=True)
class Made:
    """What an attempt to make the missing PDFs of an export did.

    Args:
        made: how many it made.
        missing: how many it did not come to.
        failed: why those that were not made failed, by number of document.
    """

    made: int = 0
    missing: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def make_pdfs(selection: Selection) -> Made:
    """Make missing PDFs of an export until all are there or the time of an attempt is over.

    A document that fails stops no other.
    """
    end = monotonic() + ATTEMPT_SECONDS
    missing, result = Document.digest.not_in(sa.select(StoredFile.digest)), Made()
    for document in _documents(selection, missing):
        if monotonic() > end:
            break
        number, digest = document.number or "", document.digest
        try:
            document_files.pdf(document)
        except UnprintableError as error:
            result.failed[number] = error.reason
        else:
            if document_files.is_kept(digest):
                result.made += 1
            else:
                result.failed[number] = str(PROVISIONAL)
        release()
    query = sa.select(sa.func.count(Document.id)).where(*selection.conditions(), missing)
    result.missing = max(0, (session().scalar(query) or 0) - len(result.failed))
    return result


def documents_of(*, actor: Principal, selection: Selection) -> Iterator[Document]:
    """Yield the documents of an export with their lines and taxes, in order of issue."""
    actor.require(DOCUMENTS_VIEW)
    selection.check()
    return _documents(selection)


def zip_of(*, actor: Principal, selection: Selection, with_ubl: bool = False) -> Iterator[bytes]:
    """Yield a ZIP file of the PDFs, made while it is read.

    Args:
        actor: who downloads it.
        selection: which documents.
        with_ubl: also add the UBL of invoices and credit notes.

    Raises:
        ConflictError: too many PDFs were not made yet.
    """
    state = state_of(actor=actor, selection=selection)
    if not state.can_download:
        raise ConflictError(MADE_FIRST % {"missing": state.missing})
    return _zipped(selection, with_ubl)


class _Sink(io.RawIOBase):
    """What a ZIP file is written to, and taken from before it is complete."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, part: Any) -> int:
        """Keep a part."""
        self.parts.append(bytes(part))
        return len(part)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self.parts)
        self.parts.clear()
        return taken


def _zipped(selection: Selection, with_ubl: bool) -> Iterator[bytes]:
    sink, failed = _Sink(), list[str]()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in _documents(selection):
            try:
                archive.writestr(
                    _path(document, ".pdf"), document_files.pdf(document), zipfile.ZIP_STORED
                )
            except UnprintableError as error:
                failed.append(f"{document.number} PDF: {error.reason}\n")
            if with_ubl and document.kind != DocumentKind.PROFORMA:
                try:
                    archive.writestr(_path(document, ".xml"), document_files.ubl(document))
                except UnprintableError as error:
                    failed.append(f"{document.number} UBL: {error.reason}\n")
            yield sink.take()
        if failed:
            archive.writestr(FAILURES_FILE, "".join(failed))
    yield sink.take()


def _path(document: Document, extension: str) -> str:
    """Return the name of a document's file in a ZIP."""
    name = document_files.file_name(document, extension)
    return f"{document.kind}/{document.sequence:06}-{name}"


def _documents(selection: Selection, *further: sa.ColumnElement[bool]) -> Iterator[Document]:
    last = 0
    query = (
        sa.select(Document)
        .where(*selection.conditions(), *further)
        .options(selectinload(Document.lines), selectinload(Document.taxes))
        .order_by(Document.id)
        .limit(CHUNK)
    )
    while rows := session().scalars(query.where(Document.id > last)).all():
        last = rows[-1].id
        yield from rows


def _task_of(selection: Selection) -> Task | None:
    query = (
        sa.select(Task)
        .join(TaskTag, TaskTag.task_id == Task.id)
        .where(TaskTag.tag == _tag(selection), Task.job == JOB)
        .order_by(Task.id.desc())
    )
    return session().scalar(query.limit(1))


def _tag(selection: Selection) -> str:
    kinds = "+".join(sorted(selection.kinds))
    return f"export {selection.company_uuid} {selection.start} {selection.end} {kinds}"[:120]


def sentence(made: Made) -> Text:
    """Return what a task says that made PDFs."""
    if made.failed:
        numbers = [*made.failed][:NAMED]
        return _(
            "%(failed)s PDFs could not be made: %(numbers)s",
            failed=len(made.failed),
            numbers=", ".join(numbers) + "…" * (len(made.failed) > NAMED),
        )
    if made.missing:
        return _("%(missing)s PDFs are still missing.", missing=made.missing)
    return _("All PDFs are ready.")
