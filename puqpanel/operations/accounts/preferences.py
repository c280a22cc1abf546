"""The language and time zone in which a person sees the panel."""

from __future__ import annotations

from zoneinfo import available_timezones

from puqpanel.domain.errors import InvalidInput, NotFoundError
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra import catalogs
from puqpanel.infra.db import session, transaction
from puqpanel.models import Staff, User
from puqpanel.operations.system import audit


def save(*, actor: Principal, language: str | None = None, zone: str | None = None) -> None:
    """Change the actor's own preferences.

    Args:
        actor: a staff member or a customer's user.
        language: tag of an available language; empty to follow the browser, None to keep it.
        zone: IANA time zone; empty to follow the browser, None to keep it.

    Raises:
        InvalidInput: the language or the time zone does not exist.
    """
    if language and language not in [each.tag for each in catalogs.available()]:
        raise InvalidInput({"language": [_("This language is not available.")]})
    if zone and zone not in available_timezones():
        raise InvalidInput({"zone": [_("Select a time zone from the list.")]})
    with transaction():
        person: Staff | User | None
        if actor.kind == "staff":
            person = session().get(Staff, actor.id, with_for_update=True)
        else:
            person = session().get(User, actor.id, with_for_update=True)
        if person is None:
            raise NotFoundError(_("This account does not exist."))
        values = {"language": language, "zone": zone}
        wanted = {name: value for name, value in values.items() if value is not None}
        before, after = audit.changed({name: getattr(person, name) for name in wanted}, wanted)
        if not after:
            return
        for name, value in after.items():
            setattr(person, name, value)
        audit.record(
            actor=actor,
            action=f"{actor.kind}.preferences_changed",
            subject_type=actor.kind,
            subject_uuid=person.uuid,
            summary=_("Changed language or time zone."),
            before=before,
            after=after,
        )
