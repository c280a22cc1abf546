"""The labels of a form that a module rendered, for the summary of its errors."""

from __future__ import annotations

from html.parser import HTMLParser

FIELDS = ("input", "select", "textarea")


def form_labels(page: object) -> dict[str, tuple[str, str]]:
    """Return the id and the label of each field of a form by the field's name.

    Labels are those of `<label for>`, of a `<label>` around the field, or its `aria-label`.

    Args:
        page: the HTML of the form; anything but a text has no fields.
    """
    if not isinstance(page, str):
        return {}
    parser = _Parser()
    parser.feed(page)
    parser.close()
    labels: dict[str, tuple[str, str]] = {}
    for name, (id, around, own) in parser.fields.items():
        parts = parser.texts.get(id) or (around if around is not None else [])
        if text := " ".join("".join(parts).split()) or own:
            labels[name] = id or name, text
    return labels


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.fields: dict[str, tuple[str, list[str] | None, str]] = {}
        self._open: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "label":
            self._open = self.texts.setdefault(values.get("for") or f"\0{len(self.texts)}", [])
        elif tag in FIELDS and values.get("type") not in ("hidden", "submit") and "name" in values:
            name = values["name"].removesuffix("[]")
            field = values.get("id", ""), self._open, values.get("aria-label", "")
            self.fields.setdefault(name, field)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)
