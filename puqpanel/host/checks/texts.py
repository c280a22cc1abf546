"""Rules about the words that people read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from puqpanel.host import languages
from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import (
    JINJA_TAG,
    Code,
    Source,
    dotted,
    last_name,
    text_of,
)

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


@rule("language-file", Severity.ERROR, 'Define LANG = {"text": "translation"} and nothing else.')
def language_file(source: Source) -> Iterator[Problem]:
    """A language file is data: one dictionary of text to translation.

    Code in it is not run.
    """
    for problem in languages.read(source.folder).problems:
        match = re.match(r"([^\s,]+)(?:, line (\d+): )?\s*(.*)", problem, re.DOTALL)
        path, line, reason = match.groups() if match else ("lang", None, problem)
        yield Problem(path, int(line or 1), reason[:1].upper() + reason[1:])


@rule("missing-translation", Severity.HINT, "Add it to that file.")
def missing_translation(source: Source) -> Iterator[Problem]:
    """Text without a translation is shown in English."""
    asked = {
        text
        for path, text in source.templates.items()
        for text in re.findall(r"\b__\(\s*\"((?:[^\"\\]|\\.)+)\"", text)
    }
    asked |= {
        text
        for _, node in source.all(ast.Call)
        if last_name(node.func) == "__" and node.args and (text := text_of(node.args[0]))
    }
    translations = languages.read(source.folder).texts
    for code in source.code:
        folder, _, name = code.path.removesuffix(".py").partition("/")
        language = name.replace("_", "-").lower()
        if folder != "lang" or language == "en" or language not in translations:
            continue
        if missing := sorted(asked - translations[language].keys()):
            yield Problem(
                code.path,
                1,
                f"{len(missing)} translation{'s' if len(missing) > 1 else ''} missing; the first is"
                f" “{missing[0][:60]}”.",
            )
