"""The form of a note."""

from __future__ import annotations

from puqpanel.sdk import __, forms, n__

MAX_LENGTH = 2000


class NoteForm(forms.Form):
    """A note."""

    text = forms.TextAreaField("Note")

    def validate_text(self, field: forms.Field) -> None:
        """Require a text of at most 2,000 characters."""
        field.data = (field.data or "").strip()
        if not field.data:
            raise forms.FieldError(__("Enter a note."))
        if len(field.data) > MAX_LENGTH:
            raise forms.FieldError(
                n__(
                    "Enter at most :count character.",
                    "Enter at most :count characters.",
                    MAX_LENGTH,
                )
            )
