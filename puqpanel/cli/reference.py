"""The API reference: `docs/reference/*.md`, made of the contract's docstrings, its tables, and the
settings.

What is made here is committed. A test compares it with what the sources say now, so neither can
change without the other.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from puqpanel import sdk
from puqpanel.cli.reference_source import Doc, Member, doc_of, members, signature, tree_of
from puqpanel.domain import events
from puqpanel.host.checks import RULES
from puqpanel.host.contract import names
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.hooks_table import HOOKS, OFFERED, Fact
from puqpanel.infra.settings import PREFIX, Settings
from puqpanel.sdk import compat

MADE = "<!-- Made by `puqpanel docs build` from the sources; change those, not this file. -->\n"
TYPES: Mapping[str, type[ModuleBase]] = {
    "Product": sdk.Product,
    "Plugin": sdk.Plugin,
    "Payment": sdk.Payment,
    "Notification": sdk.Notification,
}
FOREIGN = {
    "abort": (
        'Ends the request with an HTTP status, and a sentence for who asked: `abort(404, "There is'
        " no such folder.\")`. It is Flask's own; the panel's page for that status is shown."
    ),
}
TITLES = {
    "module.md": ("Every module", "what all four types have"),
    "product.md": ("Product", "services at a provider"),
    "plugin.md": ("Plugin", "extensions of the panel"),
    "payment.md": ("Payment", "gateways"),
    "notification.md": ("Notification", "senders"),
    "sdk.md": ("SDK", "all that `puqpanel.sdk` offers"),
    "compat.md": ("Ports", "the vendor's PHP spellings: `puqpanel.sdk.compat`"),
    "testing.md": ("Testing", "what modules' own tests stand on: `puqpanel.sdk.testing`"),
    "events.md": ("Events", "what a module can hear"),
    "checks.md": ("Rules of module check", "what `puqpanel module check` looks at"),
    "settings.md": ("Settings", "the environment variables of the panel"),
    "names.md": ("Vendor's names", "PUQcloud's spelling beside the Python one"),
}


def pages() -> dict[str, str]:
    """Every page of the reference: file name → text."""
    texts = {
        "index.md": _index(),
        "module.md": _type_page("module.md", "ModuleBase", ModuleBase),
        **{
            f"{name.lower()}.md": _type_page(f"{name.lower()}.md", name, cls)
            for name, cls in TYPES.items()
        },
        "sdk.md": _sdk(),
        "compat.md": _compat(),
        "testing.md": _testing(),
        "events.md": _events(),
        "checks.md": _checks(),
        "settings.md": _settings(),
        "names.md": _names(),
    }
    return {name: re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n" for name, text in texts.items()}


def _head(file: str, text: str = "") -> str:
    return f"{MADE}\n# {TITLES[file][0]}\n\n{text}\n"


def _index() -> str:
    rows = "\n".join(f"| [{title}]({file}) | {what} |" for file, (title, what) in TITLES.items())
    return (
        f"{MADE}\n# API reference\n\nMade of the sources; [the guide](../guide/first-module.md) is"
        f" the place to begin.\n\n| page | what it lists |\n| --- | --- |\n{rows}\n"
    )


# Modules: one page a type.


def _type_page(file: str, key: str, cls: type) -> str:
    doc = doc_of(cls.__doc__)
    own = {one.name: one for one in members(cls)} if key == "ModuleBase" else _own(cls)
    parts = [_head(file, _whole(doc))]
    if key != "ModuleBase":
        parts.append("A module of this type has all of [every module](module.md) besides.\n")
    hooks = HOOKS[key]
    if hooks:
        parts.append(
            "## Hooks\n\nWhat the panel calls, and a module may define. Each has a default unless"
            " it says otherwise.\n"
        )
        parts += [_hook(name, fact, own.get(name)) for name, fact in hooks.items()]
    else:
        parts.append("It has no hooks of its own besides.\n")
    offered = [one for name, one in own.items() if name in OFFERED[key]]
    if offered:
        parts.append("## What a module calls on itself\n")
        parts += [
            _entry(one.name, one.signature, one.doc, level=3, kind=one.kind) for one in offered
        ]
    return "\n".join(parts)


def _own(cls: type) -> dict[str, Member]:
    inherited = {one.name for one in members(ModuleBase)}
    return {
        one.name: one for one in members(cls) if one.name not in inherited or one.name in vars(cls)
    }


def _hook(name: str, fact: Fact, member: Member | None) -> str:
    doc = member.doc if member is not None else doc_of(fact.does)
    shown = member.signature if member is not None else f"{name}{fact.signature}"
    rows = [
        ("Called by", fact.called_by),
        ("When", fact.when),
        ("Process", fact.process),
        ("Transaction", fact.transaction),
        ("Arguments", fact.arguments or doc.sections.get("Args", "") or "none"),
        ("Returns", fact.returns),
        ("Errors", fact.errors),
        ("Vendor's name", ", ".join(f"`{one}`" for one in vendor_names(name)) or "the same"),
    ]
    table = "\n".join(f"| {title} | {_cell(text)} |" for title, text in rows)
    return f"### `{name}`\n\n```text\n{shown}\n```\n\n{doc.text}\n\n| | |\n| --- | --- |\n{table}\n"


def vendor_names(name: str) -> list[str]:
    """The vendor's spellings of a Python name; empty where it is the same."""
    if name == "controller_client_{tab}_{verb}":
        return ["controllerClient_{tab}{Verb}"]
    return [vendor for vendor, python in names.NAMES.items() if python == name]


def _cell(text: str) -> str:
    entries = (
        "; ".join(line.removeprefix("* ").rstrip(".") for line in text.splitlines())
        if text.startswith("* ")
        else text
    )
    return " ".join(entries.split()).replace("|", "\\|")


def _whole(doc: Doc) -> str:
    return "\n\n".join([doc.text, *_sections(doc)])


def _sections(doc: Doc) -> list[str]:
    return [
        "".join((f"**{_TITLES.get(name, name)}:**", "\n\n" if text.startswith("* ") else " ", text))
        for name, text in doc.sections.items()
    ]


_TITLES = {"Args": "Arguments", "Raises": "Errors"}


def _entry(name: str, shown: str, doc: Doc, *, level: int, kind: str = "", note: str = "") -> str:
    vendors = ", ".join(f"`{one}`" for one in vendor_names(name))
    said = [
        f"*{kind.capitalize()}.*" if kind and kind != "method" else "",
        f"Vendor's name: {vendors}." if vendors else "",
        note,
    ]
    tail = " ".join(one for one in said if one)
    return (
        "\n\n".join(
            one
            for one in (
                f"{'#' * level} `{name}`",
                f"```text\n{shown}\n```" if shown else "",
                doc.text,
                *_sections(doc),
                tail,
            )
            if one
        )
        + "\n"
    )


# The SDK: one entry a name.


def _sdk() -> str:
    intro = (
        "A module imports `puqpanel.sdk` and nothing else of the panel: `from puqpanel.sdk import"
        " Product, Task, http`. Entries list the errors that a module should handle. A module"
        " ported from the vendor's PHP also uses [`puqpanel.sdk.compat`](compat.md).\n"
    )
    entries = [_sdk_entry(name, getattr(sdk, name)) for name in _in_order(sdk)]
    return "\n".join([_head("sdk.md", intro), _contents(sdk), *entries])


def _compat() -> str:
    primary = {id(getattr(sdk, name)): name for name in sdk.__all__}
    entries = []
    for name in _in_order(compat):
        value = getattr(compat, name)
        same = primary.get(id(value))
        entries.append(
            f"## `{name}`\n\nThe same as [`{same}`](sdk.md#{same.lower()}).\n"
            if same
            else _sdk_entry(name, value)
        )
    intro = f"{doc_of(compat.__doc__).text}\n"
    return "\n".join([_head("compat.md", intro), _contents(compat), *entries])


def _in_order(module: ModuleType) -> list[str]:
    return sorted(module.__all__, key=lambda name: (name.lower(), name))


def _contents(module: ModuleType) -> str:
    return ", ".join(f"[`{name}`](#{name.lower()})" for name in _in_order(module)) + "\n"


def _sdk_entry(name: str, thing: Any) -> str:
    if name in TYPES:
        return f"## `{name}`\n\nThe base class of {name} modules: [its page]({name.lower()}.md).\n"
    if isinstance(thing, ModuleType):
        return f"## `{name}`\n\n{doc_of(thing.__doc__).text}\n\n" + "\n".join(
            _module_entry(name, key, value) for key, value in _public(thing)
        )
    if (inspect.isclass(thing) or inspect.isroutine(thing)) and not thing.__module__.startswith(
        "puqpanel."
    ):
        return f"## `{name}`\n\n{FOREIGN.get(name) or _foreign(thing)}\n"
    if inspect.isclass(thing):
        return _class_entry(name, thing, level=2)
    if inspect.isroutine(thing):
        return _function_entry(name, thing, level=2)
    return _class_entry(name, type(thing), level=2, instance=True)


def _testing() -> str:
    thing = importlib.import_module("puqpanel.sdk.testing")
    parts = [_head("testing.md", doc_of(thing.__doc__).text)]
    for name in thing.__all__:
        value = getattr(thing, name)
        if inspect.isclass(value):
            parts.append(_class_entry(name, value, level=2))
        elif inspect.isroutine(value):
            parts.append(_function_entry(name, value, level=2))
        else:
            parts.append(f"## `{name}`\n\n`{value!r}`, the uuid of the lab's service.\n")
    return "\n".join(parts)


def _foreign(thing: Any) -> str:
    where = thing.__module__.partition(".")[0]
    return f"{'Python' if where == 'builtins' else where.capitalize()}'s `{thing.__qualname__}`."


def _public(module: ModuleType) -> Iterable[tuple[str, Any]]:
    listed = getattr(module, "__all__", None) or [
        k
        for k, v in vars(module).items()
        if not k.startswith("_") and getattr(v, "__module__", "") == module.__name__
    ]
    return [
        (key, getattr(module, key)) for key in sorted(listed, key=lambda one: (one.lower(), one))
    ]


def _module_entry(module: str, name: str, thing: Any) -> str:
    full = f"{module}.{name}"
    if inspect.isfunction(thing):
        return _function_entry(full, thing, level=3)
    if inspect.isclass(thing) and thing.__module__.startswith("puqpanel."):
        return (
            f"### `{full}`\n\nSee [`{name}`](#{name.lower()}).\n"
            if name in sdk.__all__
            else _class_entry(full, thing, level=3)
        )
    if inspect.isclass(thing) or isinstance(thing, ModuleType):
        where = (thing.__module__ if inspect.isclass(thing) else thing.__name__).partition(".")[0]
        return f"### `{full}`\n\nFrom {where}, as it is there.\n"
    if type(thing).__module__.startswith("puqpanel."):
        return _class_entry(full, type(thing), level=3, instance=True)
    return f"### `{full}`\n\nA column to refer to: `sa.ForeignKey({full})`.\n"


def _function_entry(name: str, thing: Any, *, level: int) -> str:
    node = tree_of(thing)
    assert isinstance(node, ast.FunctionDef)
    return _entry(name, signature(node, name), doc_of(thing.__doc__), level=level)


def _class_entry(name: str, cls: type, *, level: int, instance: bool = False) -> str:
    tree = tree_of(cls)
    assert isinstance(tree, ast.ClassDef)
    made = next(
        (
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        ),
        None,
    )
    shown = "" if instance or made is None else signature(made, name).removesuffix(" -> None")
    doc = doc_of(cls.__doc__)
    if made is not None and ast.get_docstring(made) and not instance:
        more = doc_of(ast.get_docstring(made))
        doc = Doc(
            "\n\n".join(one for one in (doc.text, more.text) if one),
            {**doc.sections, **more.sections},
        )
    if not shown and not instance and (dataclasses.is_dataclass(cls) or hasattr(cls, "_fields")):
        shown = _dataclass(name, tree)
    return (
        _entry(name, shown, doc, level=level) + "\n" + "".join(_member(one) for one in members(cls))
    )


def _dataclass(name: str, tree: ast.ClassDef) -> str:
    parts = [
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and not ast.unparse(node.annotation).startswith("ClassVar")
    ]
    line = f"{name}({', '.join(parts)})"
    return (
        line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {one},\n" for one in parts) + ")"
    )


def _member(one: Member) -> str:
    """One line of a list."""
    shown = re.sub(r",? \)", ")", " ".join(one.signature.split()).replace("( ", "("))
    said = [
        f"({one.kind})" if one.kind == "property" else "",
        *one.doc.text.split("\n\n"),
        *(
            f"**{_TITLES.get(name, name)}:** {_cell(text).removesuffix('.')}."
            for name, text in one.doc.sections.items()
        ),
    ]
    vendors = ", ".join(f"`{each}`" for each in vendor_names(one.name))
    return (
        f"* `{shown}`:"
        f" {' '.join(' '.join(said).split())}{f' Vendor: {vendors}.' if vendors else ''}\n"
    )


# Tables.


def _events() -> str:
    text = """A module listens in its `hooks.py`, `HOOKS = [Hook("service.create_failed", listener,
priority=10)]`, and tells of its own with [`Event.dispatch`](sdk.md#event). Each
listener runs as a task of its own, in a worker, after the commit of what it is told
about; those with a higher priority first. An event tells of something; it cannot stop
or change it, those named `before_…` neither. Names that begin with a word of this
table's are the panel's: a listener to one that is not here is refused at load.
"""
    rows = "\n".join(
        f"| `{event.name}` | {_cell(event.says)} | {', '.join(f'`{key}`' for key in event.payload)}"
        f" | {'later' if event.name in events.LATER else ''} |"
        for event in events.EVENTS.values()
    )
    note = (
        "*later*: named by the contract, so that a module may listen already; nothing in this"
        " version raises it."
    )
    return _head(
        "events.md",
        f"{text}\n| event | what it says | payload | |\n| --- | --- | --- | ---"
        f" |\n{rows}\n\n{note}\n",
    )


def _checks() -> str:
    text = """`puqpanel module check Name` looks for these. *refused*: the module cannot be switched
on. *error*: it will not do what it is for, or does harm. *warning*: it is unwise.
*hint*: advice. A line that is right as it is says so with a comment, `# check: off
rule-id`. The exit code is 1 for what is refused or an error.
"""
    parts = [
        f"## `{one.id}`\n\n*{one.severity.value}.* {one.why}\n\nMend: {one.mend}\n"
        for one in RULES.values()
    ]
    return _head("checks.md", text) + "\n".join(parts)


def _settings() -> str:
    said = doc_of(Settings.__doc__).sections["Args"]
    about: dict[str, str] = {}
    for line in said.splitlines():
        keys, _, text = line.removeprefix("* ").partition(": ")
        about.update(dict.fromkeys(re.findall(r"`(\w+)`", keys), text))
    unless = {
        "instance": "`instance/` in the project's folder",
        "modules_dir": "`modules/` in the project's folder",
        "database_url": "SQLite in the instance folder",
        "redis_url": "the embedded server",
        "monitoring_allow": "none",
        "base_url": "host and port",
        "secure_cookies": "yes where the base address is https",
    }
    rows = "\n".join(
        f"| `{PREFIX}{one.name.upper()}` | {_cell(about[one.name])} |"
        f" {unless.get(one.name) or _default(one.default)} |"
        for one in dataclasses.fields(Settings)
    )
    return _head(
        "settings.md",
        "Read from the environment when a process starts. A value that cannot be used ends the"
        " start with a sentence that names the setting.\n\n| name | what it sets | unless given"
        f" |\n| --- | --- | --- |\n{rows}\n",
    )


def _default(value: Any) -> str:
    return (
        f"`{'yes' if value else 'no'}`"
        if isinstance(value, bool)
        else f"`{value}`"
        if value != ""
        else "nothing"
    )


def _names() -> str:
    text = (
        "A module ported name for name from PUQcloud's documentation runs: both spellings are"
        " bound, by this table. Python spelling is the canonical one, and `puqpanel module check`"
        " names it.\n"
    )
    parts = [_head("names.md", text)]
    for title, group in names.GROUPS.items():
        rows = "\n".join(f"| `{vendor}` | `{python}` |" for vendor, python in group.items())
        parts.append(f"## {title}\n\n| vendor's name | Python |\n| --- | --- |\n{rows}\n")
    parts.append(
        "## By pattern\n\n| vendor's name | Python |\n| --- | --- |\n|"
        " `controllerClient_{tab}{Verb}` | `controller_client_{tab}_{verb}` |\n"
    )
    return "\n".join(parts)
