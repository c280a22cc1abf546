"""Public links of documents: whoever has the link sees the document without an account.

The token in a link is an HMAC of the document's UUID and of how often the link was renewed, under a
key that is not in the database. So staff can read the link again at any time, no document needs a
write to have one, and a copy of the database contains no valid link.
"""

from __future__ import annotations

import hmac

from puqpanel.domain.document_states import DocumentStatus
from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.permissions import DOCUMENTS_ISSUE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.crypto import signature
from puqpanel.infra.db import transaction
from puqpanel.infra.links import link
from puqpanel.models import Document
from puqpanel.operations.billing.documents import find_document, lock_document
from puqpanel.operations.system import audit

TOKEN_DIGITS = 40
"""Hexadecimal digits of a token: 160 bits."""


def token_of(document: Document) -> str:
    """Return the token that is in the document's link."""
    text = f"document-link:{document.uuid}:{document.link_renewals}"
    return signature(text)[:TOKEN_DIGITS]


def public_link(document: Document) -> str:
    """Return the absolute URL of a document's public page."""
    return link("documents", document.uuid, token_of(document))


def find_linked(uuid: str, token: str) -> Document:
    """Return the issued document of a public link.

    Raises:
        NotFoundError: it does not exist, is a draft, or the token is wrong.
    """
    document = find_document(uuid)
    right = hmac.compare_digest(token_of(document).encode(), token.encode())
    if document.status == DocumentStatus.DRAFT or not right:
        raise NotFoundError(_("Document not found."))
    return document


@transaction()
def renew_link(*, actor: Principal, uuid: str) -> None:
    """Invalidate the public link of a document, which then has another one.

    Raises:
        NotFoundError: it does not exist, or is a draft.
    """
    actor.require(DOCUMENTS_ISSUE)
    document = lock_document(uuid)
    check_linked(document)
    document.link_renewals += 1
    audit.record(
        actor=actor,
        action="document.link_renewed",
        subject_type="document",
        subject_uuid=uuid,
        summary=_("Public link renewed."),
    )


def check_linked(document: Document) -> None:
    """Check that a document has a public link.

    Raises:
        NotFoundError: it is a draft.
    """
    if document.status == DocumentStatus.DRAFT:
        raise NotFoundError(_("Document not found."))
