"""The rule of the form: what is refused, and what is kept."""

import pytest

from modules.Plugin.SamplePlugin.forms import NoteForm
from puqpanel.sdk import forms


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Ask Anna.  ", "Ask Anna."),
        ("x" * 2000, "x" * 2000),
        ("", None),
        ("   ", None),
        ("x" * 2001, None),
    ],
)
def test_note_form(text: str, kept: str | None) -> None:
    answer = forms.save(NoteForm, {"text": text})
    assert answer.get("data", {}).get("text") == kept
    assert ("text" in answer.get("errors", {})) is (kept is None)
