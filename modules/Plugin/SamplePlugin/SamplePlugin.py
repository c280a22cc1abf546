"""A notebook for staff. Read this file first; it refers to every other file of the module."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from puqpanel.sdk import Plugin, __, n__

from .models.notes import Note, add_note, delete_older, is_service

RETENTION_DAYS = 90


class SamplePlugin(Plugin):
    """Notes that staff write for each other, and that the panel adds when a create fails."""

    # 1. Permissions. The full key of the first one is Plugin-SamplePlugin-view-notes.

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions that staff roles can grant."""
        return [
            {
                "name": "View notes",
                "key": "view-notes",
                "description": "Read the notebook",
            },
            {
                "name": "Write notes",
                "key": "write-notes",
                "description": "Add notes to the notebook",
            },
        ]

    # 2. The sidebar: an entry links to a route by the route's name.

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return one entry."""
        return [
            {
                "title": "Notes",
                "link": "notes",
                "active_links": ["notes", "notes.add"],
                "permission": "view-notes",
                "icon": "fas fa-note-sticky",
            }
        ]

    # 3. The pages: controllers/NotesController.py handles them.

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return the page with its form, and the target of the form."""
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
        """Return the same list as JSON, at /admin/api/modules/Plugin/SamplePlugin/notes."""
        return [
            {
                "method": "get",
                "uri": "notes",
                "permission": "view-notes",
                "name": "notes",
                "controller": "NotesController@as_json",
            }
        ]

    # 4. The schedule: each run is a task, listed on the Schedule page.

    def scheduler(self) -> list[dict[str, Any]]:
        """Return one nightly job."""
        return [{"name": "Delete old notes", "method": "tidy", "cron": "15 3 * * *", "timeout": 60}]

    def tidy(self) -> dict[str, Any]:
        """Delete notes older than 90 days."""
        count = delete_older(timedelta(days=RETENTION_DAYS))
        self.log_info("old notes deleted", response={"deleted": count})
        message = n__(":count old note deleted.", ":count old notes deleted.", count)
        return {"status": "success", "message": message}

    # 5. Events: hooks.py connects the event to this method.

    def note_failure(self, payload: dict[str, Any]) -> None:
        """Add a note when the creation of a service failed, unless the service was deleted."""
        uuid, reason = str(payload.get("service_uuid") or ""), str(payload.get("reason") or "")
        if is_service(uuid):
            text = __("A service could not be created. :reason", {"reason": reason}).strip()
            add_note(Note(text=text, service_uuid=uuid))
