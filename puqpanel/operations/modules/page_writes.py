"""Audit entries of what people change on the pages of modules."""

from __future__ import annotations

from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import transaction
from puqpanel.operations.system import audit


@transaction()
def record_write(*, actor: Principal, module: str, page: str, service_uuid: str = "") -> None:
    """Record that a request which may have changed something succeeded; values are not stored.

    Args:
        actor: who sent it.
        module: the module's key, `Product/MyCloudService`.
        page: the name of the route, or the tab and the verb.
        service_uuid: the service, for a request of the client area.
    """
    audit.record(
        actor=actor,
        action="module.page_submitted",
        subject_type="service" if service_uuid else "module",
        subject_uuid=service_uuid or module,
        summary=_("%(page)s of %(module)s submitted.", page=page, module=module),
    )
