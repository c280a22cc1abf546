"""Rules about templates: what a browser would not run, what is not escaped, what is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateError, nodes

from puqpanel.host.checks.finding import Severity, Spot, rule
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
        "A script stands in the page without a nonce",
        'Move it to a file under views/assets, or write <script nonce="{{ nonce() }}">.',
    ),
    (
        re.compile(r"<[a-z][^<>]*?\s(on[a-z]{3,})\s*=\s*[\"']", re.IGNORECASE),
        "An attribute holds a script",
        "Listen for the event in a file under views/assets, or use the panel's htmx attributes.",
    ),
    (
        re.compile(r"\b(?:href|src|action)\s*=\s*[\"']\s*javascript:", re.IGNORECASE),
        "An address holds a script",
        "Use a button with an htmx attribute, or a real address.",
    ),
    (
        re.compile(r"<style\b", re.IGNORECASE),
        "A style sheet stands in the page",
        "Use the panel's classes, or move it to a file under views/assets.",
    ),
    (
        re.compile(r"<[a-z][^<>]*?\sstyle\s*=\s*[\"']", re.IGNORECASE),
        "An attribute holds styles",
        "Use the panel's classes, or a class of a file under views/assets.",
    ),
    (
        re.compile(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)\s*=\s*[\"'](?:https?:)?//",
            re.IGNORECASE,
        ),
        "Something is loaded from another host",
        "Bring the file with the module, under views/assets.",
    ),
)


def _html(text: str) -> str:
    """The text with Jinja's own parts blanked, every line where it was."""
    return JINJA_TAG.sub(
        lambda found: re.sub(r"[^\n]", "_" if found[0].startswith("{{") else " ", found[0]),
        text,
    )


@rule("template-syntax", Severity.ERROR, "Mend the template at that line.")
def template_syntax(source: Source) -> Iterator[Spot]:
    """A template that cannot be read is an error page for everybody who opens it; the loader
    only looks whether the file is there.
    """
    for path, text in source.templates.items():
        try:
            _JINJA.parse(text)
        except TemplateError as error:
            if "No filter named" not in str(error) and "unknown tag" not in str(error):
                yield Spot(
                    path,
                    getattr(error, "lineno", 1),
                    f"The template cannot be read: {error.message or error}.".replace("..", "."),
                )
        except RecursionError:
            yield Spot(path, 1, "The template is nested too deeply to be read.")


@rule(
    "unescaped-output",
    Severity.WARNING,
    "Leave the filter out; where it is HTML of your own, build it with"
    ' Markup("…{}").format(value).',
)
def unescaped_output(source: Source) -> Iterator[Spot]:
    """Templates escape what they show, so that a customer's name or a provider's answer cannot
    bring a script along. `|safe` and Markup() of a value take that away.
    """
    for path, text in source.templates.items():
        for line, says in _unescaped(text):
            yield Spot(path, line, says)
    for code, node in source.all(ast.Call):
        if (
            last_name(node.func) == "Markup"
            and node.args
            and text_of(node.args[0]) is None
            and not isinstance(node.args[0], ast.Call)
        ):
            yield Spot(code.path, node.lineno, "Markup() of a value shows it as it is.")


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
            yield token[0], "“|safe” shows a value as it is."
        elif token[1:] == ("name", "autoescape") and after[2] in ("false", "False"):
            yield token[0], "Escaping is switched off here."


@rule("blocked-by-policy", Severity.ERROR, "Move it to a file under views/assets.")
def blocked_by_policy(source: Source) -> Iterator[Spot]:
    """The panel's pages tell the browser to run no scripts and styles but those of files of its
    own, which stops the scripts that somebody else slipped in. What a module writes into its page
    is stopped with them: it looks right in the code and does nothing.
    """
    for path, text in source.templates.items():
        shown = _html(text)
        for pattern, says, mend in _INLINE:
            for found in pattern.finditer(shown if "nonce" not in pattern.pattern else text):
                yield Spot(
                    path,
                    line_of(text, found.start()),
                    f"{says}; the browser will not use it.",
                    mend,
                )


@rule(
    "form-without-token",
    Severity.ERROR,
    'Write {{ page.token() }} inside the form, after {% import "panel/macros/page.html" as'
    " page %}.",
)
def form_without_token(source: Source) -> Iterator[Spot]:
    """Every form that changes something carries a token, so that no other site can send it in
    somebody's name. Without it the panel refuses the form.
    """
    for path, text in source.templates.items():
        for found in re.finditer(
            r"<form\b[^>]*method\s*=\s*[\"']?post\b.*?(?:</form>|\Z)",
            text,
            re.IGNORECASE | re.DOTALL,
        ):
            if not re.search(r"token|csrf|hidden_tag|\bform_(?:open|start)", found[0]):
                yield Spot(
                    path,
                    line_of(text, found.start()),
                    "This form has no token, so that it will be refused.",
                )


@rule("missing-template", Severity.ERROR, "Make the file, or mend the name; dots are folders.")
def missing_template(source: Source) -> Iterator[Spot]:
    """A page whose template is not there is an error page.

    Templates are files under views/ of the same module, named with dots for folders.
    """
    for code, node in source.all(ast.Call):
        place = _TEMPLATE_ARGUMENTS.get(last_name(node.func))
        if place is not None and len(node.args) > place:
            name = text_of(node.args[place])
            if name is not None and _path(name) not in source.templates:
                yield Spot(
                    code.path, node.lineno, f"There is no template “{name}” ({_path(name)})."
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
                yield Spot(path, asked.lineno, f"There is no template “{name}” in this module.")


def _path(name: str) -> str:
    return f"views/{name.removesuffix('.html').replace('.', '/')}.html"


@rule("missing-asset", Severity.ERROR, "Put the file under views/assets, or mend its name.")
def missing_asset(source: Source) -> Iterator[Spot]:
    """A picture, script or style sheet that is not there is a hole in the page and a 404 at
    every view.
    """
    asked = re.compile(
        r"(?:module_asset|asset_url|asset)\(\s*[\"']([\w./-]+\.\w+)[\"']\s*\)|/assets/([\w./-]+\.(?:css|js|png|svg|jpg|jpeg|webp|woff2))[\"']"
    )
    texts = {
        **source.templates,
        **{code.path: code.text for code in source.own if code.path != "config.py"},
    }
    for path, text in texts.items():
        for found in asked.finditer(text):
            name = (found[1] or found[2]).removeprefix("assets/")
            if f"views/assets/{name}" not in source.files and not found[0].startswith("/assets/"):
                yield Spot(
                    path,
                    line_of(text, found.start()),
                    f"The file views/assets/{name} is not there.",
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
                yield Spot(
                    "config.py",
                    find_line(config.text if config else "", logo),
                    f"The logo {logo} is not there.",
                )
