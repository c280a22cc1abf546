"""Replacements: an unpaid proforma is cancelled, and one for the rest of its lines is issued."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from puqpanel.domain.documents import DocumentKind
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.infra.db import save
from puqpanel.models import Document, DocumentLineRow
from puqpanel.operations.billing import issuing
from puqpanel.operations.billing.documents import Draft, new_document, write
from puqpanel.operations.billing.lines import line_of, total_of
from puqpanel.operations.billing.sealing import seal


def replace_proforma(
    actor: Principal,
    proforma: Document,
    rows: Sequence[DocumentLineRow],
    reason: str,
    before_issue: Callable[[Document], object],
) -> Document:
    """Cancel an unpaid proforma of a locked client and issue a document for some of its lines.

    These are charged and taxed as on the proforma. If nothing is to be paid for them, the document
    is an invoice, which is paid at once. Requires a transaction.

    Args:
        actor: who replaces it.
        proforma: an unpaid one.
        rows: the lines to keep, at least one.
        reason: why, for the record.
        before_issue: called with the new document, to refer to it instead of the proforma; what
            happens when an invoice is paid finds it by these references.

    Raises:
        ConflictError: something was paid.
        PermissionDenied: the actor may not issue documents.
    """
    actor.require(DOCUMENTS_ISSUE)
    issuing.cancel(actor, proforma.uuid, reason)
    kind = DocumentKind.PROFORMA if any(row.amount_minor for row in rows) else DocumentKind.INVOICE
    document = new_document(
        proforma.company, proforma.client, kind, proforma.currency, proforma.entry
    )
    document.language, document.buyer = proforma.language, proforma.buyer
    document.due_on = proforma.due_on
    groups = {row.position: total_of(row, proforma.currency).group for row in proforma.taxes}
    lines = [
        replace(line_of(row, proforma.currency), group=groups[row.tax_position]) for row in rows
    ]
    write(document, Draft(lines, proforma.reference, proforma.notes))
    save(document)
    before_issue(document)
    seal(actor, document)
    return document
