"""Rules about the words that people read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from puqpanel.host import languages
from puqpanel.host.checks import catalogs, extraction
from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import (
    JINJA_TAG,
    Code,
    Source,
    dotted,
    find_line,
    last_name,
    text_of,
)
from puqpanel.host.languages import SOURCE

_CALLS = {"flash": 0, "json_error": 0, "jsonError": 0, "abort": 1}
_WORDS = re.compile(r"\b[^\W\d_]*[a-zà-öø-ÿ][^\W\d_]+")  # GB and IBAN are the same everywhere


class _Visible(HTMLParser):
    """Collects what people read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "code", "pre")
        for name, value in attrs:
            if name in ("placeholder", "title", "alt", "aria-label"):
                self.handle_data(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "code", "pre") and self._silent > 0

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not self._silent and _WORDS.search(text):
            self.found.append(
                (self.getpos()[0] + data[: len(data) - len(data.lstrip())].count("\n"), text)
            )


@rule(
    "untranslated-text",
    Severity.HINT,
    'Use {{ __("…") }} in templates and __("…") in code, and add the text to lang/.',
)
def untranslated_text(source: Source) -> Iterator[Problem]:
    """Text that is not passed through `__()` is not translated, so pages mix languages."""
    if not source.has_languages:
        return
    for path, text in source.templates.items():
        parser = _Visible()
        parser.feed(JINJA_TAG.sub(lambda found: "\n" * found[0].count("\n"), text))
        yield from _told(path, parser.found)
    for code in source.own:
        if not code.path.startswith("lang/"):
            yield from _told(code.path, list(_said(code)))


def _said(code: Code) -> Iterator[tuple[int, str]]:
    machines = {
        id(node)
        for function in code.all(ast.FunctionDef, ast.AsyncFunctionDef)
        if function.name.lower().startswith(("api_webhook", "apiwebhook"))
        for node in ast.walk(function)
    }
    for node in code.all(ast.Call):
        is_result = dotted(node.func).split(".")[-2:] == ["Result", "error"]
        place = 0 if is_result else _CALLS.get(last_name(node.func))
        if place is not None and len(node.args) > place and id(node) not in machines:
            shown = node.args[place]
            text = text_of(shown)
            if isinstance(shown, ast.JoinedStr):
                text = " ".join(part for part in map(text_of, shown.values) if part)
            if text and _WORDS.search(text):
                yield node.lineno, text


def _told(path: str, found: list[tuple[int, str]]) -> Iterator[Problem]:
    """One finding a file: the first text and how many there are."""
    if found:
        line, text = min(found)
        shown = f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"
        yield Problem(
            path,
            line,
            (
                f"{shown} is not translated."
                if len(found) == 1
                else f"{len(found)} texts are not translated; the first is {shown}."
            ),
        )


@rule(
    "language-file",
    Severity.ERROR,
    'Write a gettext catalog, or define LANG = {"text": "translation"} and nothing else.',
)
def language_file(source: Source) -> Iterator[Problem]:
    """A language file is data: a gettext catalog, or one dictionary of text to translation.

    Code in it is not run.
    """
    for problem in languages.read(source.folder).problems:
        match = re.match(r"([^\s,]+)(?:, line (\d+): )?\s*(.*)", problem, re.DOTALL)
        path, line, reason = match.groups() if match else ("lang", None, problem)
        yield Problem(path, int(line or 1), reason[:1].upper() + reason[1:])


@rule(
    "missing-translation", Severity.HINT, "Add it to that file; see `puqpanel module texts NAME`."
)
def missing_translation(source: Source) -> Iterator[Problem]:
    """Text without a translation is shown in English."""
    read = languages.read(source.folder)
    try:
        texts = {found.text: found.plural for found in extraction.extract(source)}
    except extraction.Unparsable:
        return  # reported by other rules
    for path, tag in _language_files(source):
        if tag == SOURCE or tag not in read.texts:
            continue
        known = read.texts[tag].keys() | (
            read.catalogs[tag].plurals.keys() if tag in read.catalogs else set()
        )
        if missing := sorted(texts.keys() - known):
            yield Problem(
                path,
                1,
                f"{len(missing)} translation{'s' if len(missing) > 1 else ''} missing; the first is"
                f" “{missing[0][:60]}”.",
            )


@rule(
    "other-placeholders",
    Severity.WARNING,
    "Use the placeholders of the text; only `:count` may be left out of a plural form.",
)
def other_placeholders(source: Source) -> Iterator[Problem]:
    """A placeholder without a value is shown as it is, and a value without one is not shown."""
    yield from _faulty(source, "placeholders", "has other placeholders than its translation")


@rule("unused-translation", Severity.HINT, "Remove it; `puqpanel module texts NAME` does that.")
def unused_translation(source: Source) -> Iterator[Problem]:
    """A translation of a text that was changed or removed is never shown."""
    yield from _faulty(source, "unused", "is not in the module")


def _faulty(source: Source, kind: str, reason: str) -> Iterator[Problem]:
    if languages.read(source.folder).problems:
        return  # reported by the rule about language files
    for path in catalogs.files(source.folder):
        try:
            faults = list(catalogs.faults(source, catalogs.read(path)))
        except extraction.Unparsable:
            return  # reported by other rules
        for fault, text in faults:
            if fault == kind:
                content = path.read_text("utf-8")
                line = find_line(content, text.splitlines()[0][:60].replace('"', '\\"'))
                yield Problem(f"{path.parent.name}/{path.name}", line, f"“{text[:60]}” {reason}.")


def _language_files(source: Source) -> Iterator[tuple[str, str]]:
    """Yield the path and the language of each language file; a catalog before a dictionary."""
    paths = [path for path in source.files if path.startswith("lang/")]
    seen = set()
    for path in sorted(paths):
        name, _, suffix = path.removeprefix("lang/").rpartition(".")
        tag = name.replace("_", "-").lower()
        if suffix in ("po", "py") and tag not in seen:
            seen.add(tag)
            yield path, tag
