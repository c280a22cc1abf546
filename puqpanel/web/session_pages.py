"""Pages of sessions: one's own in each area, and those of one person for staff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.devices import browser_and_system
from puqpanel.domain.texts import Text, _
from puqpanel.models import AccountSession, Staff, User
from puqpanel.operations.accounts import sessions
from puqpanel.web.answers import flash
from puqpanel.web.guard import actor
from puqpanel.web.sessions import current_session_id

MAX_PAGE = 1000


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session as shown on a page."""

    uuid: str
    device: Text | str
    ip: str
    created_at: datetime
    seen_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of a person's sessions.

    Args:
        rows: the sessions, newest first.
        end_url: the URL that ends one session or all others; empty if the viewer may not.
        previous: the URL of the previous page; empty on the first.
        next: the URL of the next page; empty on the last.
    """

    rows: list[SessionRow]
    end_url: str
    previous: str
    next: str

    @property
    def has_others(self) -> bool:
        """Whether there is a session that the button to end all of them ends."""
        return bool(self.next or self.previous) or any(not row.current for row in self.rows)


def device_name(user_agent: str) -> Text | str:
    """Return the browser and operating system, such as `Firefox on Windows`."""
    browser, system = browser_and_system(user_agent)
    if browser and system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system or _("Unknown device")


def _row(row: AccountSession, current: int | None) -> SessionRow:
    return SessionRow(
        uuid=row.uuid,
        device=device_name(row.user_agent),
        ip=row.ip,
        created_at=row.created_at,
        seen_at=row.seen_at,
        current=row.id == current,
    )


def session_page(person: Staff | User, end_url: str) -> SessionPage:
    """Return the page of a person's sessions that the argument `page` selects.

    Args:
        person: whose sessions.
        end_url: the URL that ends sessions; empty if the viewer may not.
    """
    number = min(max(request.args.get("page", 1, type=int), 1), MAX_PAGE)
    rows, has_more = sessions.live(person, number)
    current = current_session_id()
    return SessionPage(
        rows=[_row(row, current) for row in rows],
        end_url=end_url,
        previous=f"{request.path}?page={number - 1}" if number > 1 else "",
        next=f"{request.path}?page={number + 1}" if has_more else "",
    )


def end_submitted(person: Staff | User, *, client_uuid: str = "") -> None:
    """End the session that the form names, or all except the actor's own without a name.

    Args:
        person: whose sessions.
        client_uuid: the client on whose page staff end sessions of a user.

    Raises:
        NotFoundError: the person has no such session.
    """
    if uuid := request.form.get("session", ""):
        sessions.end(actor=actor(), person=person, uuid=uuid, client_uuid=client_uuid)
        flash(_("Session ended."), "good")
    else:
        count = sessions.end_all(actor=actor(), person=person, client_uuid=client_uuid)
        flash(_("Sessions ended.") if count else _("No sessions to end."), "good")


def add_own_pages(
    bp: Blueprint,
    name: str,
    signed_in: Callable[[], Any],
    mark: Callable[[Any], Any],
    layout: str,
) -> None:
    """Add the page of one's own sessions to an area.

    Args:
        bp: the blueprint `auth` of the area.
        name: `admin` or `client`.
        signed_in: returns the signed-in person.
        mark: decorator for views that any signed-in person of the area may open.
        layout: the layout template.
    """

    @bp.get("/security")
    @mark
    def security() -> ResponseReturnValue:
        """List one's own sessions."""
        return render_template(
            "own_sessions.html",
            layout=layout,
            area=name,
            sessions=session_page(signed_in(), url_for(f"{name}.auth.end_sessions")),
        )

    @bp.post("/security/end")
    @mark
    def end_sessions() -> ResponseReturnValue:
        """End one of one's own sessions, or all others."""
        end_submitted(signed_in())
        return redirect(url_for(f"{name}.auth.security"))
