"""The order of a document, for the link on its page."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.permissions import ORDERS_VIEW
from puqpanel.infra.db import session
from puqpanel.models import Document, Order
from puqpanel.web.guard import can


def order_of_document(document: Document) -> sa.Row[int, str] | None:
    """Return the id and UUID of the order that a document, its proforma or its invoice is of.

    None if there is none, or the viewer may not see it.
    """
    keys = {document.id, document.origin_id, document.corrects_id}
    if document.corrects is not None:
        keys.add(document.corrects.origin_id)
    if not can(ORDERS_VIEW):
        return None
    query = sa.select(Order.id, Order.uuid).where(Order.document_id.in_(keys - {None}))
    return session().execute(query.limit(1)).first()
