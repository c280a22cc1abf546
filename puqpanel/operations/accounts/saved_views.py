"""Views of lists: save, rename, delete, and choose the default; each belongs to its owner."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _
from puqpanel.infra.db import find, save, session, transaction
from puqpanel.models import SavedView, Staff
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

MAX_VIEWS = 50
"""How many views of a list a staff member can save."""
MAX_QUERY_LENGTH = 4000
LISTS = frozenset(
    ("activity", "clients", "module-log", "modules", "products", "services", "staff", "tasks")
)
"""The lists whose views can be saved, by the name given to `list_view`."""


def views_of(staff_id: int | None, list: str) -> Sequence[SavedView]:
    """Return a staff member's views of a list by name."""
    query = sa.select(SavedView).where(SavedView.staff_id == staff_id, SavedView.list == list)
    return session().scalars(query.order_by(SavedView.name)).all()


def find_view(staff_id: int | None, uuid: str) -> SavedView:
    """Return a staff member's view.

    Raises:
        NotFoundError: it does not exist or belongs to another staff member.
    """
    query = sa.select(SavedView).where(SavedView.uuid == uuid, SavedView.staff_id == staff_id)
    return find(query, _("View not found."))


def _name_taken() -> InvalidInput:
    return InvalidInput({"name": [_("Another view already has this name.")]})


@transaction()
def save_view(*, actor: Principal, list: str, name: str, query: str) -> SavedView:
    """Save a view; one of the same name is replaced.

    Args:
        actor: the staff member.
        list: the list's name.
        name: the view's name.
        query: the query string of the list.

    Raises:
        InvalidInput: the name, the list or the query is invalid, or there are too many views.
    """
    actor.require()
    shown = clean_name(name, longest=100)
    if list not in LISTS or len(query) > MAX_QUERY_LENGTH or actor.id is None:
        raise InvalidInput({"": [_("This view can't be saved.")]})
    views = {view.name: view for view in views_of(actor.id, list)}
    view = views.get(shown)
    if view is None:
        if len(views) >= MAX_VIEWS:
            raise InvalidInput(
                {"": [_("You have reached the limit of saved views. Delete one first.")]}
            )
        view = SavedView(staff_id=actor.id, list=list, name=shown)
    view.query = query
    save(view, _name_taken())
    _record(
        actor,
        "staff.view_saved",
        _("View %(shown)s of the list %(list)s saved.", shown=shown, list=list),
    )
    return view


@transaction()
def rename_view(*, actor: Principal, uuid: str, name: str) -> SavedView:
    """Rename a view.

    Raises:
        InvalidInput: the name is invalid or in use.
        NotFoundError: the actor has no such view.
    """
    actor.require()
    view = find_view(actor.id, uuid)
    shown = clean_name(name, longest=100)
    others = {other.name for other in views_of(actor.id, view.list) if other.id != view.id}
    if shown in others:
        raise _name_taken()
    view.name = shown
    save(view, _name_taken())
    _record(
        actor,
        "staff.view_renamed",
        _("View %(shown)s of the list %(list)s renamed.", shown=shown, list=view.list),
    )
    return view


@transaction()
def set_default_view(*, actor: Principal, uuid: str, default: bool) -> SavedView:
    """Set or unset a view as the default of its list.

    Raises:
        NotFoundError: the actor has no such view.
    """
    actor.require()
    view = find_view(actor.id, uuid)
    _set_default(actor, view, default)
    _record(
        actor,
        "staff.view_default_changed",
        _("Default view of the list %(list)s changed.", list=view.list),
    )
    return view


@transaction()
def delete_view(*, actor: Principal, uuid: str) -> SavedView:
    """Delete a view.

    Raises:
        NotFoundError: the actor has no such view.
    """
    actor.require()
    view = find_view(actor.id, uuid)
    _set_default(actor, view, False)
    session().delete(view)
    _record(
        actor,
        "staff.view_deleted",
        _("View %(name)s of the list %(list)s deleted.", name=view.name, list=view.list),
    )
    return view


def _set_default(actor: Principal, view: SavedView, default: bool) -> None:
    staff = session().get_one(Staff, actor.id, with_for_update=True)
    views = dict(staff.default_views or {})
    if default:
        views[view.list] = view.uuid
    elif views.get(view.list) == view.uuid:
        del views[view.list]
    staff.default_views = views


def _record(actor: Principal, action: str, summary: Text) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_type="staff",
        subject_uuid=actor.uuid,
        summary=summary,
    )
