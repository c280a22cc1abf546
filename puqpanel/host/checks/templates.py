"""Rules about templates: what a browser would not run, what is not escaped, what is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateError, nodes

from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import JINJA_TAG, Source, find_line, last_name, line_of, text_of

_TEMPLATE_ARGUMENTS = {"view": 0, "view_admin_module": 2, "viewAdminModule": 2}
"""Function → position of the argument that names a template."""
_JINJA = Environment(autoescape=True)
_INLINE = (
    (
        re.compile(
            r"<script\b(?![^>]*\bsrc\s*=)(?![^>]*\bnonce\s*=)(?![^>]*type\s*=\s*[\"']application/json)[^>]*>",
            re.IGNORECASE,
        ),
        "Inline script without a nonce",
        'Move it to a file under views/assets, or write <script nonce="{{ nonce() }}">.',
    ),
    (
        re.compile(r"<[a-z][^<>]*?\s(on[a-z]{3,})\s*=\s*[\"']", re.IGNORECASE),
        "Inline event handler",
        "Listen for the event in a file under views/assets, or use the panel's htmx attributes.",
    ),
    (
        re.compile(r"\b(?:href|src|action)\s*=\s*[\"']\s*javascript:", re.IGNORECASE),
        "javascript: URL",
        "Use a button with an htmx attribute, or a real URL.",
    ),
    (
        re.compile(r"<style\b", re.IGNORECASE),
        "Inline style sheet",
        "Use the panel's classes, or move it to a file under views/assets.",
    ),
    (
        re.compile(r"<[a-z][^<>]*?\sstyle\s*=\s*[\"']", re.IGNORECASE),
        "Inline style attribute",
        "Use the panel's classes, or a class from a style sheet under views/assets.",
    ),
    (
        re.compile(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)\s*=\s*[\"'](?:https?:)?//",
            re.IGNORECASE,
        ),
        "Resource from another host",
        "Ship the file with the module, under views/assets.",
    ),
)


def _html(text: str) -> str:
    """The text with Jinja's own parts blanked, every line where it was."""
    return JINJA_TAG.sub(
        lambda found: re.sub(r"[^\n]", "_" if found[0].startswith("{{") else " ", found[0]),
        text,
    )


@rule("template-syntax", Severity.ERROR, "Fix the template at that line.")
def template_syntax(source: Source) -> Iterator[Problem]:
    """A module with a template that cannot be parsed is refused."""
    for path, text in source.templates.items():
        try:
            _JINJA.parse(text)
        except TemplateError as error:
            yield Problem(
                path,
                getattr(error, "lineno", 1),
                f"Template syntax error: {error.message or error}.".replace("..", "."),
            )
        except RecursionError:
            yield Problem(path, 1, "The template is nested too deeply to be parsed.")


@rule(
    "unescaped-output",
    Severity.WARNING,
    'Remove the filter; build your own HTML with Markup("…{}").format(value).',
)
def unescaped_output(source: Source) -> Iterator[Problem]:
    """Templates escape output, so that a customer's name or a provider's response can't inject a
    script. `|safe` and Markup() disable this.
    """
    for path, text in source.templates.items():
        for line, message in _unescaped(text):
            yield Problem(path, line, message)
    for code, node in source.all(ast.Call):
        if (
            last_name(node.func) == "Markup"
            and node.args
            and text_of(node.args[0]) is None
            and not isinstance(node.args[0], ast.Call)
        ):
            yield Problem(code.path, node.lineno, "Markup() disables escaping of this value.")


def _unescaped(text: str) -> Iterator[tuple[int, str]]:
    """(line, sentence) of each `|safe` and `autoescape false`, by Jinja's own lexer."""
    try:
        found = [token for token in _JINJA.lex(text) if token[1] != "whitespace"]
    except TemplateError:
        return
    for before, token, after in zip(
        [(0, "", ""), *found], found, [*found[1:], (0, "", "")], strict=False
    ):
        if token[1:] == ("name", "safe") and before[2] == "|":
            yield token[0], "“|safe” disables escaping of this value."
        elif token[1:] == ("name", "autoescape") and after[2] in ("false", "False"):
            yield token[0], "Escaping is disabled here."


@rule("blocked-by-policy", Severity.ERROR, "Move it to a file under views/assets.")
def blocked_by_policy(source: Source) -> Iterator[Problem]:
    """The Content Security Policy allows only scripts and styles from the panel's own files, to
    block injected code. Inline scripts and styles of a module are blocked too.
    """
    for path, text in source.templates.items():
        shown = _html(text)
        for pattern, message, fix in _INLINE:
            for found in pattern.finditer(shown if "nonce" not in pattern.pattern else text):
                yield Problem(
                    path,
                    line_of(text, found.start()),
                    f"{message}; the browser blocks it.",
                    fix,
                )


@rule(
    "form-without-token",
    Severity.ERROR,
    'Write {{ page.token() }} inside the form, after {% import "panel/macros/page.html" as'
    " page %}.",
)
def form_without_token(source: Source) -> Iterator[Problem]:
    """Forms that change data need a CSRF token. Without one, the panel rejects the request."""
    for path, text in source.templates.items():
        for found in re.finditer(
            r"<form\b[^>]*method\s*=\s*[\"']?post\b.*?(?:</form>|\Z)",
            text,
            re.IGNORECASE | re.DOTALL,
        ):
            if not re.search(r"token|csrf|hidden_tag|\bform_(?:open|start)", found[0]):
                yield Problem(
                    path,
                    line_of(text, found.start()),
                    "This form has no CSRF token, so its requests are rejected.",
                )


@rule(
    "missing-template",
    Severity.ERROR,
    "Create the file or correct the name; dots separate folders.",
)
def missing_template(source: Source) -> Iterator[Problem]:
    """A page without its template is an error page.

    Template names are relative to the module's views/, with dots for folders.
    """
    for code, node in source.all(ast.Call):
        place = _TEMPLATE_ARGUMENTS.get(last_name(node.func))
        if place is not None and len(node.args) > place:
            name = text_of(node.args[place])
            if name is not None and _path(name) not in source.templates:
                yield Problem(
                    code.path, node.lineno, f"The template “{name}” ({_path(name)}) does not exist."
                )
    for path, text in source.templates.items():
        try:
            tree = _JINJA.parse(text)
        except (TemplateError, RecursionError):
            continue
        for asked in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            name = getattr(getattr(asked, "template", None), "value", None)
            if (
                isinstance(name, str)
                and not name.startswith("panel/")
                and not source.templates.keys() & {f"views/{name}", _path(name)}
            ):
                yield Problem(path, asked.lineno, f"The module has no template “{name}”.")


def _path(name: str) -> str:
    return f"views/{name.removesuffix('.html').replace('.', '/')}.html"


@rule("missing-asset", Severity.ERROR, "Add the file under views/assets or correct the name.")
def missing_asset(source: Source) -> Iterator[Problem]:
    """A missing image, script or style sheet breaks the page and causes a 404 on every view."""
    asked = re.compile(
        r"(?:module_asset|asset_url|asset)\(\s*[\"']([\w./-]+\.\w+)[\"']\s*\)|/assets/([\w./-]{1,200}\.(?:css|js|png|svg|jpg|jpeg|webp|woff2))[\"']"
    )
    texts = {
        **source.templates,
        **{code.path: code.text for code in source.own if code.path != "config.py"},
    }
    for path, text in texts.items():
        for found in asked.finditer(text):
            name = (found[1] or found[2]).removeprefix("assets/")
            if f"views/assets/{name}" not in source.files and not found[0].startswith("/assets/"):
                yield Problem(
                    path,
                    line_of(text, found.start()),
                    f"views/assets/{name} does not exist.",
                )
    config = source.file("config.py")
    for node in config.all(ast.Dict) if config else ():
        for key, value in zip(node.keys, node.values, strict=True):
            logo = text_of(value) or ""
            if (
                text_of(key) == "logo"
                and logo
                and "://" not in logo
                and not any(logo.endswith(one) or one.endswith(logo) for one in source.files)
            ):
                yield Problem(
                    "config.py",
                    find_line(config.text if config else "", logo),
                    f"The logo {logo} does not exist.",
                )
