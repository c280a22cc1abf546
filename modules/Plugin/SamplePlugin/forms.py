"""What staff fill in."""

from __future__ import annotations

from puqpanel.sdk import __, forms


class NoteForm(forms.Form):
    """One note."""

    text = forms.TextAreaField("Note")

    def validate_text(self, field: forms.Field) -> None:
        """Something has to be in it, and not a book."""
        field.data = (field.data or "").strip()
        if not field.data:
            raise forms.FieldError(__("Write something first."))
        if len(field.data) > 2000:
            raise forms.FieldError(__("At most 2,000 characters."))
