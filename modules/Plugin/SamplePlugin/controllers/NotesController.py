"""The Notes page, and the same list as JSON."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect

from puqpanel.sdk import (
    Controller,
    Request,
    __,
    current_admin,
    json_success,
    url_for_module,
    view_admin_module,
)

from ..forms import NoteForm
from ..models.notes import Note, add_note, newest

LIMIT = 50


class NotesController(Controller):
    """`/admin/modules/Plugin/SamplePlugin/notes`; `self.module` is the module."""

    def index(self, request: Request) -> Any:
        """Show the notes and an empty form."""
        return self._page(NoteForm())

    def add(self, request: Request) -> Any:
        """Save a note, or show the form again with the errors."""
        form = NoteForm(formdata=request.form)
        if not form.validate():
            return self._page(form), 422
        add_note(Note(text=form.text.data, author=current_admin.name))
        flash(__("Note saved."), "good")
        return redirect(url_for_module("notes"))

    def as_json(self, request: Request) -> Any:
        """Return the notes as JSON."""
        return json_success(
            [
                {
                    "id": note.id,
                    "text": note.text,
                    "author": note.author,
                    "at": note.created_at.isoformat(),
                }
                for note in newest(LIMIT)
            ]
        )

    def _page(self, form: NoteForm) -> Any:
        data = {
            "title": __("Notes"),
            "form": form,
            "notes": newest(LIMIT),
            "limit": LIMIT,
            "may_write": current_admin.has_permission("write-notes"),
        }
        return view_admin_module("Plugin", "SamplePlugin", "admin_area.notes", data)
