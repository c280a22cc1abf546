"""Rules about settings, template variables and statuses: that are used but never defined."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateError, meta, nodes

from puqpanel.domain.service_states import ProvisionStatus
from puqpanel.domain.suggestions import did_you_mean, nearest
from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import (
    Source,
    argument,
    entry,
    inside,
    last_name,
    targets_of,
    text_of,
)
from puqpanel.host.contract.names import python_name, vendor_name
from puqpanel.host.form_fields import FORMS

_STATUSES = tuple(status.value for status in ProvisionStatus)


@rule(
    "settings-without-page",
    Severity.WARNING,
    "Define the page method, so that staff can enter the settings.",
)
def settings_without_page(source: Source) -> Iterator[Problem]:
    """A method that saves settings is called when the form of its page is submitted. Without the
    page, the settings cannot be entered.
    """
    if source.module_class is None or any(
        last_name(base) not in (source.type, "object") for base in source.module_class.bases
    ):
        return
    pairs = {
        "Product": (
            ("save_product_data", "get_product_page"),
            ("save_service_data", "get_service_page"),
        ),
        "Payment": (("save_module_data", "get_settings_page"),),
        "Notification": (("save_module_data", "get_settings_page"),),
    }.get(source.type, ())
    own = {last_name(target) for part in source.module_class.body for target in targets_of(part)}
    for save, page in pairs:
        function = source.methods.get(save)
        if function is not None and page not in source.methods and not own & _FORMS:
            vendor = _in_style_of(page, function.name)
            yield Problem(
                source.where(function),
                function.lineno,
                f"{function.name}() saves settings, but {vendor}() does not exist.",
            )


@rule(
    "derived-settings",
    Severity.HINT,
    "Declare SettingsForm, a WTForms form, for labels, help and validation.",
)
def derived_settings(source: Source) -> Iterator[Problem]:
    """Without a form or page, the fields of the settings page are derived from the settings that
    get_module_data() returns: secrets by their names, checkboxes, numbers and texts by their
    defaults.
    """
    function = source.methods.get("get_module_data")
    if function is None or source.type not in ("Payment", "Notification"):
        return
    body = source.module_class.body if source.module_class else []
    own = {last_name(target) for part in body for target in targets_of(part)}
    if "get_settings_page" not in source.methods and not own & _FORMS:
        yield Problem(
            source.where(function),
            function.lineno,
            f"The settings form is derived from {function.name}().",
        )


_FORMS = frozenset({*FORMS, "Form"})


def _in_style_of(name: str, other: str) -> str:
    """The name in the spelling of another one: `get_product_page` as `getProductPage`."""
    return name if other == python_name(other) else vendor_name(name)


@rule("unknown-status", Severity.ERROR, f"Valid statuses: {', '.join(_STATUSES)}.")
def unknown_status(source: Source) -> Iterator[Problem]:
    """A provision status that the panel does not know raises an exception, and the service keeps
    its previous status.
    """
    for code, node in source.all(ast.Call):
        if python_name(last_name(node.func)) != "set_provision_status":
            continue
        status = text_of(argument(node, 0, "status"))
        if status is not None and status not in _STATUSES:
            near = nearest(status, _STATUSES, 0.5)
            yield Problem(
                code.path,
                node.lineno,
                f"“{status}” is not a provision status." + did_you_mean(near and f"“{near}”"),
            )


@rule(
    "setting-never-saved",
    Severity.WARNING,
    "Correct the name, or add the field to the form and to the data that is saved.",
)
def setting_never_saved(source: Source) -> Iterator[Problem]:
    """A setting that no form or save method of the module mentions is always missing."""
    if source.type != "Product" or not {"save_product_data", "get_product_page"} & set(
        source.methods
    ):
        return
    reads: dict[str, list[tuple[str, int]]] = {}
    taken: set[int] = set()
    for code, node in source.all(ast.Subscript, ast.Call):
        key = _product_key(node)
        if key is not None and isinstance(key.value, str):
            reads.setdefault(key.value, []).append((code.path, node.lineno))
            taken.add(id(key))
    given = {
        node.value
        for _, node in source.all(ast.Constant)
        if isinstance(node.value, str) and id(node) not in taken
    }
    given |= {node.id for _, node in source.all(ast.Name)}
    given |= {node.arg for _, node in source.all(ast.keyword) if node.arg}
    words = set(re.findall(r"\w+", " ".join(source.templates.values())))
    for name, places in reads.items():
        if name not in given and name not in words:
            path, line = places[0]
            near = nearest(name, sorted(given), 0.3)
            yield Problem(
                path,
                line,
                f"“{name}” is read from the product's settings but never saved."
                + did_you_mean(near and f"“{near}”"),
            )


def _product_key(node: ast.AST) -> ast.Constant | None:
    """The literal key of `self.product_data["key"]` or `self.product_data.get("key")`."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        owner, key = node.value, node.slice
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        owner, key = node.func.value, node.args[0]
    else:
        return None
    return key if last_name(owner) == "product_data" and isinstance(key, ast.Constant) else None


@rule(
    "undefined-variable",
    Severity.WARNING,
    "Correct the name, or return the variable from the method that renders the template.",
)
def undefined_variable(source: Source) -> Iterator[Problem]:
    """A variable that the template is not given is shown as nothing."""
    for template, given in _given(source).items():
        text = source.templates.get(template)
        if text is None or re.search(r"\{%-?\s*(?:extends|include)\b", text):
            continue
        try:
            tree = _JINJA.parse(text)
        except (TemplateError, RecursionError):
            continue
        wanted = meta.find_undeclared_variables(tree)
        wanted -= {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
        for name in sorted(wanted - given - _ALWAYS):
            at = re.search(rf"\{{[{{%][^{{}}]*?(?<![\w.'\"]){re.escape(name)}\b", text)
            near = nearest(name, sorted(given), 0.3)
            yield Problem(
                template,
                text.count("\n", 0, at.end()) + 1 if at else 1,
                f"The template is not given “{name}”." + did_you_mean(near and f"“{near}”"),
            )


_ALWAYS = frozenset(
    re.findall(
        r"\w+",
        "module errors request session g url_for get_flashed_messages _ __ n__ _n range dict"
        " lipsum cycler joiner namespace csrf csrf_token field url_for_module asset format_number"
        " nonce actor_label can cancellable brand charts event_tone initials module_home"
        " notice_icons parts per price retryable scripts split_action subject_label"
        " task_title title_of actor_name health_label units verb_label verb_permission status"
        " times viewer",
    )
)
"""What every template of a module is given."""


_JINJA = Environment(autoescape=True)


def _given(source: Source) -> dict[str, set[str]]:
    """The variables of each template that is given them by dictionaries written out in full, in
    every place that renders it.
    """
    given: dict[str, set[str] | None] = {}
    for _, node in source.all(ast.Call):
        if last_name(node.func) != "view" or not node.args or text_of(node.args[0]) is None:
            continue
        path = f"views/{(text_of(node.args[0]) or '').replace('.', '/')}.html"
        names = _keys(argument(node, 1, "data"))
        before = given.get(path, set())
        given[path] = None if names is None or before is None else before | names
    for path, names in _tabs(source):
        before = given.get(path, set())
        given[path] = None if names is None or before is None else before | names
    return {path: names for path, names in given.items() if names is not None}


def _tabs(source: Source) -> Iterator[tuple[str, set[str] | None]]:
    """(template, variables) of the tabs that are written out."""
    menu = source.methods.get("get_client_area_menu_config")
    returned = [node.value for node in inside(menu) if isinstance(node, ast.Return)] if menu else []
    for table in returned:
        if not isinstance(table, ast.Dict):
            continue
        for key, tab in zip(table.keys, table.values, strict=True):
            name = text_of(entry(tab, "template")) if isinstance(tab, ast.Dict) else None
            function = source.methods.get(f"variables_{text_of(key)}")
            if name is None or function is None:
                continue
            names: set[str] | None = {"service_uuid", "tab", "service_data"}
            for node in inside(function):
                if isinstance(node, ast.Return):
                    keys = _keys(node.value)
                    names = None if names is None or keys is None else names | keys
            yield f"views/{name.replace('.', '/')}.html", names


def _keys(node: ast.expr | None) -> set[str] | None:
    """The keys of a dictionary that is written out; None where they are worked out."""
    if node is None:
        return set()
    if not isinstance(node, ast.Dict) or any(text_of(key) is None for key in node.keys):
        return None
    return {text_of(key) or "" for key in node.keys}
