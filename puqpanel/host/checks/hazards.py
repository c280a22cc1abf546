"""Rules about calls that weaken security: unverified TLS, shells, plain passwords."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Source, argument, dotted, last_name, text_of
from puqpanel.infra.redact import secret_name

_SHELLS = frozenset(
    {
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
    }
)
_UNVERIFIED = frozenset({"ssl._create_unverified_context", "ssl.CERT_NONE"})
_STORING = frozenset({"insert", "insert_get_id", "insertGetId", "update", "update_or_insert"})


@rule(
    "tls-not-verified",
    Severity.ERROR,
    "Remove it. For a provider with its own certificate authority, pass the path of its"
    " certificate.",
)
def tls_not_verified(source: Source) -> Iterator[Problem]:
    """Without verification of the certificate, anyone on the network path can pose as the provider
    and read the credentials that the module sends.
    """
    sentence = "TLS certificates are not verified here."
    for code, node in source.all(ast.keyword):
        if node.arg in ("verify", "check_hostname", "verify_ssl") and _false(node.value):
            yield Problem(code.path, node.value.lineno, sentence)
    for code, node in source.all(ast.Dict):
        if any(
            text_of(key) == "verify" and _false(value)
            for key, value in zip(node.keys, node.values, strict=True)
        ):
            yield Problem(code.path, node.lineno, sentence)
    for code, node in source.all(ast.Assign):
        if any(
            isinstance(one, ast.Attribute) and one.attr in ("verify", "check_hostname")
            for one in node.targets
        ) and _false(node.value):
            yield Problem(code.path, node.lineno, sentence)
    for code, node in source.all(ast.Attribute):
        if dotted(node) in _UNVERIFIED:
            yield Problem(code.path, node.lineno, sentence)


def _false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@rule(
    "shell-command",
    Severity.ERROR,
    "Pass a list of arguments to subprocess.run() with a timeout and without shell=True.",
)
def shell_command(source: Source) -> Iterator[Problem]:
    """A shell interprets special characters in values, so that a customer's input can run commands
    on the panel's server.
    """
    for code, node in source.all(ast.Call):
        name = dotted(node.func)
        shell = next((one.value for one in node.keywords if one.arg == "shell"), None)
        if name in _SHELLS:
            yield Problem(code.path, node.lineno, f"{name}() runs a command in a shell.")
        elif isinstance(shell, ast.Constant) and shell.value is True:
            called = name or last_name(node.func)
            yield Problem(code.path, node.lineno, f"{called}() runs a command in a shell.")


@rule(
    "plain-password",
    Severity.WARNING,
    "Encrypt it: encrypt() before DB.table() stores it, a column of type EncryptedText, or a secret"
    " field of a form.",
)
def plain_password(source: Source) -> Iterator[Problem]:
    """A password that is stored as it is can be read in the database and in every backup."""
    for code, node in source.all(ast.Call):
        if last_name(node.func) not in _STORING or not node.args:
            continue
        for given in (part for arg in node.args for part in ast.walk(arg)):
            if not isinstance(given, ast.Dict):
                continue
            for key, value in zip(given.keys, given.values, strict=True):
                name = text_of(key) or ""
                if secret_name(name) and not _encrypted(value):
                    yield Problem(code.path, value.lineno, f"“{name}” is stored unencrypted.")
    for code, node in source.all(ast.Assign, ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        column = node.value
        if isinstance(column, ast.Call) and last_name(column.func) in ("mapped_column", "Column"):
            kind = last_name(argument(column, 0, "type_") or ast.Constant(None))
            for name in map(last_name, targets):
                if secret_name(name) and kind in ("String", "Text", "Unicode", "UnicodeText"):
                    yield Problem(
                        code.path, node.lineno, f"The column “{name}” stores a secret unencrypted."
                    )


def _encrypted(value: ast.expr) -> bool:
    """Whether a value is encrypted or holds no secret: a constant, a call that encrypts or hashes,
    a variable whose name says so.
    """
    if isinstance(value, ast.Constant):
        return not value.value or not isinstance(value.value, str)
    name = last_name(value).lower()
    return any(part in name for part in ("encrypt", "hash", "bool", "cipher"))
