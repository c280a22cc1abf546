"""A notebook for staff. Read this file first; it names every other file of the module."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from puqpanel.sdk import Plugin, __

from .models.notes import Note, forget_before, is_service
from .models.notes import keep as keep_note

KEPT_DAYS = 90


class SamplePlugin(Plugin):
    """Notes that staff leave for each other, and that the panel leaves for them."""

    # 1. Who may do what. The full key of the first is Plugin-SamplePlugin-view-notes.

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Two rights, to give to roles."""
        return [
            {
                "name": "View notes",
                "key": "view-notes",
                "description": "Read what is in the notebook",
            },
            {
                "name": "Write notes",
                "key": "write-notes",
                "description": "Add notes to the notebook",
            },
        ]

    # 2. Where it is found: an entry of the side bar leads to a route by the route's name.

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """One entry."""
        return [
            {
                "title": "Notes",
                "link": "notes",
                "active_links": ["notes", "notes.add"],
                "permission": "view-notes",
                "icon": "fas fa-note-sticky",
            }
        ]

    # 3. Its pages: controllers/NotesController.py answers them.

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """A pair: the page with its form, and what the form is sent to."""
        return [
            {
                "method": "get",
                "uri": "notes",
                "permission": "view-notes",
                "name": "notes",
                "controller": "NotesController@index",
            },
            {
                "method": "post",
                "uri": "notes",
                "permission": "write-notes",
                "name": "notes.add",
                "controller": "NotesController@add",
            },
        ]

    def admin_api_routes(self) -> list[dict[str, Any]]:
        """The same list for programs, at /admin/api/modules/Plugin/SamplePlugin/notes."""
        return [
            {
                "method": "get",
                "uri": "notes",
                "permission": "view-notes",
                "name": "notes",
                "controller": "NotesController@as_json",
            }
        ]

    # 4. What it does by itself: each run is a task, to be seen on the Schedule page.

    def scheduler(self) -> list[dict[str, Any]]:
        """Once a night."""
        return [{"name": "Forget old notes", "method": "tidy", "cron": "15 3 * * *", "timeout": 60}]

    def tidy(self) -> dict[str, Any]:
        """Removes notes older than 90 days."""
        gone = forget_before(timedelta(days=KEPT_DAYS))
        self.log_info("old notes removed", response={"removed": gone})
        return {"status": "success", "message": __("Old notes removed: :count.", {"count": gone})}

    # 5. What it hears: hooks.py names the event and this method.

    def note_failure(self, payload: dict[str, Any]) -> None:
        """Leaves a note when a service could not be made; none about one that is gone by now."""
        uuid, reason = str(payload.get("service_uuid") or ""), str(payload.get("reason") or "")
        if is_service(uuid):
            keep_note(
                Note(
                    text=__("A service could not be made. :reason", {"reason": reason}).strip(),
                    service_uuid=uuid,
                )
            )
