"""Rules about secrets: where they must not stand, and where they must not go."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Source, dotted, last_name, targets_of, text_of
from puqpanel.host.form_fields import FORMS, is_address
from puqpanel.infra.redact import secret_name

_WHOLE = frozenset({"service_data", "product_data", "module_data", "provision_data"})
_LOGS = frozenset(
    {
        "log_info",
        "log_error",
        "log_debug",
        "logInfo",
        "logError",
        "logDebug",
        "log_module",
        "logModule",
    }
)
_HARMLESS = frozenset({"bool", "len", "isinstance", "type", "sorted", "set", "list", "mask"})
_MADE_UP = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+/=.:-]{16,}")
_LIVE = re.compile(
    r"(?:sk|rk)_live_|ghp_|github_pat_|xox[bp]-|AKIA|dop_v1_|-----BEGIN [A-Z ]*PRIVATE"
)
_KNOWN = re.compile(r"^(sk_live_|sk_test_|ghp_|xox[bp]-|AKIA|dop_v1_|eyJhbGciOi|-----BEGIN )")


@rule(
    "secret-in-config",
    Severity.ERROR,
    "Remove it, rotate it at the provider, and store it through a settings form or in an encrypted"
    " column.",
)
def secret_in_config(source: Source) -> Iterator[Problem]:
    """config.py is stored in plain text on disk, in backups and in the repository, and is the same
    in every installation.
    """
    code = source.file("config.py")
    for node in code.all(ast.Dict) if code else ():
        for key, value in zip(node.keys, node.values, strict=True):
            name, text = text_of(key) or "", text_of(value)
            if text and ((secret_name(name) and text.strip()) or _KNOWN.match(text)):
                yield Problem(
                    "config.py",
                    value.lineno,
                    f"config.py holds what looks like a secret under “{name}”.",
                )


@rule(
    "secret-in-code",
    Severity.WARNING,
    "Remove it, rotate it at the provider, and store it through a settings form or in an encrypted"
    " column.",
)
def secret_in_code(source: Source) -> Iterator[Problem]:
    """A secret in the code is visible to everyone who can read it, and can't be rotated without a
    new version.
    """
    for code, node in source.all(ast.Constant):
        key = text_of(node) or ""
        if _LIVE.match(key) and len(key) >= 12 and code.path != "config.py":
            yield Problem(
                code.path,
                node.lineno,
                "The code contains a live secret key of a provider.",
                severity=Severity.ERROR,
            )
    for code, node in source.all(ast.Assign, ast.AnnAssign, ast.keyword):
        text = text_of(node.value)
        if (
            not text
            or _LIVE.match(text)
            or code.path == "config.py"
            or code.path.startswith("lang/")
        ):
            continue
        names = [last_name(target) for target in targets_of(node)]
        if isinstance(node, ast.keyword):
            names = [node.arg or ""]
        if _KNOWN.match(text) or (any(map(secret_name, names)) and _MADE_UP.fullmatch(text)):
            yield Problem(
                code.path,
                node.value.lineno,
                f"The code contains what looks like a secret ({names[0] or 'a value'}).",
            )


@rule(
    "secret-logged",
    Severity.ERROR,
    "Log names, numbers and statuses, but no secrets.",
)
def secret_logged(source: Source) -> Iterator[Problem]:
    """Log entries are masked only by field name: a password inside a message is not masked, and
    neither is printed output. Staff who can view logs must not see customers' passwords.
    """
    for code, node in source.all(ast.Call):
        printed = dotted(node.func) in ("print", "pprint")
        logged = (
            last_name(node.func) in _LOGS
            or dotted(node.func).split(".")[0] in ("logging", "logger")
            or dotted(node.func).startswith(("log.", "_log."))
        )
        if not (logged or printed):
            continue
        how = "printed" if printed else "logged"
        for shown in [*node.args, *(keyword.value for keyword in node.keywords)]:
            for what in _shown(shown):
                if what in _WHOLE:
                    yield Problem(
                        code.path,
                        node.lineno,
                        f"{what} is {how} in full, including all passwords.",
                        "Log only the fields you need.",
                        None if printed else Severity.WARNING,
                    )
                else:
                    yield Problem(code.path, node.lineno, f"“{what}” is {how}.")


def _shown(node: ast.AST) -> Iterator[str]:
    """The names of the secrets, and of whole stores of them, that an expression shows."""
    if isinstance(node, ast.Compare) or (
        isinstance(node, ast.Call) and last_name(node.func) in _HARMLESS
    ):
        return
    if isinstance(node, ast.Attribute | ast.Name):
        name = last_name(node)
        if name in _WHOLE or secret_name(name):
            yield name
        return
    field = _field(node)
    if field is None:
        for part in node.values if isinstance(node, ast.Dict) else ast.iter_child_nodes(node):
            yield from _shown(part)
    elif secret_name(field):
        yield field


def _field(node: ast.AST) -> str | None:
    """The field that `store["field"]` or `store.get("field")` takes; None for anything else."""
    if isinstance(node, ast.Subscript):
        return text_of(node.slice)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
    ):
        return text_of(node.args[0])
    return None


@rule(
    "secret-without-address",
    Severity.ERROR,
    "Call forms.keep_secrets(form, saved) before form.validate(), or pass the saved values to"
    " forms.save().",
)
def secret_without_address(source: Source) -> Iterator[Problem]:
    """Staff could change the address, leave the secret blank, and have the saved secret sent to a
    server of their own. The panel prevents this for SettingsForm, ProductForm and ServiceForm.
    """
    keeps = any(
        last_name(node.func) in ("keep_secrets", "keepSecrets")
        or (dotted(node.func) == "forms.save" and len(node.args) + len(node.keywords) > 2)
        for _, node in source.all(ast.Call)
    )
    for code, node in () if keeps else source.all(ast.ClassDef):
        fields = {
            last_name(target): last_name(part.value.func)
            for part in node.body
            for target in targets_of(part)
            if isinstance(part, ast.Assign | ast.AnnAssign) and isinstance(part.value, ast.Call)
        }
        secrets = [
            name for name, kind in fields.items() if kind in ("SecretField", "PasswordField")
        ]
        addresses = [name for name in fields if name not in secrets and is_address(name)]
        if secrets and addresses and node.name not in FORMS:
            yield Problem(
                code.path,
                node.lineno,
                f"{node.name} keeps {secrets[0]} when {addresses[0]} changes.",
            )
