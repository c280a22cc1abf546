"""Validation of the note form."""

import pytest

from modules.Plugin.SamplePlugin.forms import NoteForm
from puqpanel.sdk import forms


@pytest.mark.parametrize(
    ("text", "saved"),
    [
        ("  Ask Anna.  ", "Ask Anna."),
        ("x" * 2000, "x" * 2000),
        ("", None),
        ("   ", None),
        ("x" * 2001, None),
    ],
)
def test_note_form(text: str, saved: str | None) -> None:
    answer = forms.save(NoteForm, {"text": text})
    assert answer.get("data", {}).get("text") == saved
    assert ("text" in answer.get("errors", {})) is (saved is None)
