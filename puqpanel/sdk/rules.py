"""Validation rules in the texts' notation, `required|integer|min:1`, compiled to WTForms
validators.

The rules: required, nullable, string, integer, boolean, email, ip, alpha_dash, in, regex, min, max.
An unknown one raises.
"""

import csv
import re
from collections.abc import Callable, Sequence
from typing import Any

from wtforms import Field, Form
from wtforms.validators import AnyOf, IPAddress, StopValidation
from wtforms.validators import ValidationError as Invalid

Check = Callable[[Form, Field], None]

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+"
)
_TRUE = {"1", "true", "on", "yes", "y"}
_FALSE = {"0", "false", "off", "no", "n"}
_FLAGS = {
    "i": re.IGNORECASE,
    "m": re.MULTILINE,
    "s": re.DOTALL,
    "x": re.VERBOSE,
    "u": re.NOFLAG,
    "D": re.NOFLAG,
}
_CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
# A pattern of a module's runs over what a stranger typed: longer texts do not match.
_SUBJECT = 10_000
TAKES_VALUE = frozenset({"in", "regex", "min", "max"})
PLAIN = frozenset(
    {"required", "nullable", "string", "integer", "boolean", "email", "ip", "alpha_dash"}
)


def split(rules: str | Sequence[str]) -> list[tuple[str, str]]:
    """`"required|min:3"` or `["required", "min:3"]` as pairs of rule and argument.

    A `|` inside a pattern's delimiters stays.

    Raises: ValueError for an unknown rule, or one without the argument it needs.
    """
    parts = list(rules) if not isinstance(rules, str) else _parts(rules)
    pairs = []
    for part in parts:
        name, _, value = str(part).partition(":")
        name = name.strip()
        if not name:
            continue
        if name not in PLAIN | TAKES_VALUE:
            raise ValueError(
                f"“{name}” is no validation rule; the rules are"
                f" {', '.join(sorted(PLAIN | TAKES_VALUE))}."
            )
        if name in TAKES_VALUE and not value:
            raise ValueError(f"The rule “{name}” needs a value, {name}:….")
        pairs.append((name, value))
    return pairs


def _parts(rules: str) -> list[str]:
    parts: list[str] = []
    rest = rules
    while rest:
        if rest.startswith("regex:") and len(rest) > 6:
            end = _pattern_end(rest, 6)
        else:
            end = rest.find("|")
            end = len(rest) if end < 0 else end
        parts.append(rest[:end])
        rest = rest[end + 1 :]
    return parts


def _pattern_end(rules: str, start: int) -> int:
    """Where a pattern that begins at `start` with its delimiter ends, its flags included."""
    closing = _CLOSING.get(rules[start], rules[start])
    # The last delimiter that is followed by flags and then by the next rule or nothing.
    for match in re.finditer(rf"{re.escape(closing)}[a-zA-Z]*(?=\||$)", rules[start + 1 :]):
        rest = rules[start + 1 + match.end() + 1 :]
        head = re.match(r"\s*([a-z_]+)", rest)
        if not rest or (head and head[1] in PLAIN | TAKES_VALUE):
            return start + 1 + match.end()
    return len(rules)


def compile_pattern(text: str) -> re.Pattern[str]:
    """A pattern with PHP's delimiters and flags, `/^[a-z]+$/i`, as a Python one.

    Raises ValueError when it is none.
    """
    if len(text) < 2 or text[0].isalnum() or text[0] in "\\ ^":
        body, flags = text, ""
    else:
        closing = _CLOSING.get(text[0], text[0])
        end = text.rfind(closing)
        if end < 1:
            raise ValueError(f"The pattern {text} has no closing {closing}.")
        body, flags = text[1:end], text[end + 1 :]
        body = body.replace(f"\\{text[0]}", text[0]) if text[0] not in r".^$*+?{}[]\|()" else body
    option = re.NOFLAG
    for flag in flags:
        if flag not in _FLAGS:
            raise ValueError(f"The pattern flag “{flag}” is not supported; use i, m, s, x, u or D.")
        option |= _FLAGS[flag]
    if "u" not in flags:
        option |= re.ASCII
    if body.endswith("$") and not body.endswith(r"\$") and "m" not in flags:
        # In both languages `$` lets a line break at the end through, which no rule here means.
        body = body[:-1] + r"\Z"
    body = (
        re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", body).replace(r"\z", r"\Z").replace(r"\h", r"[ \t]")
    )
    try:
        return re.compile(body, option)
    except re.error as error:
        raise ValueError(f"The pattern {text} cannot be read: {error}.") from None


def empty(value: Any) -> bool:
    """Whether `required` would refuse it: nothing, blank text, or an empty list."""
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, (list, dict)) and not value)
    )


def to_integer(value: Any) -> int | None:
    """A whole number out of 5, "5", " -5 " or 5.0; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) < 30 and re.fullmatch(r"\s*[-+]?[0-9]+\s*", value):
        return int(value)
    return None


def to_boolean(value: Any) -> bool | None:
    """A truth out of True, 1, "1", "on" and the like; None for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, (int, str)) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def compile_rules(pairs: Sequence[tuple[str, str]], label: str) -> list[Check]:
    """The WTForms validators of one field, in the order of its rules."""
    names = {name for name, _ in pairs}
    checks: list[Check] = []
    for name, value in pairs:
        if name in {"min", "max"}:
            checks.append(_size(name, value, "integer" in names, label))
        elif name == "in":
            checks.append(_in(next(csv.reader([value])), label))
        elif name == "regex":
            checks.append(_regex(compile_pattern(value), label))
        elif name not in {"required", "nullable"}:
            checks.append(_KINDS[name](label))
    return checks


def _string(label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        if not isinstance(field.data, str):
            raise StopValidation(f"The {label} must be text.")

    return check


def _integer(label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        number = to_integer(field.data)
        if number is None:
            raise StopValidation(f"The {label} must be a whole number.")
        field.data = number

    return check


def _boolean(label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        truth = to_boolean(field.data)
        if truth is None:
            raise StopValidation(f"The {label} must be yes or no.")
        field.data = truth

    return check


def _email(label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        if (
            not isinstance(field.data, str)
            or len(field.data) > 254
            or not _EMAIL.fullmatch(field.data)
        ):
            raise Invalid(f"The {label} must be an e-mail address.")

    return check


def _ip(label: str) -> Check:
    validator: Any = IPAddress(ipv4=True, ipv6=True, message=f"The {label} must be an IP address.")

    def check(form: Form, field: Field) -> None:
        if not isinstance(field.data, str):
            raise Invalid(f"The {label} must be an IP address.")
        validator(form, field)

    return check


def _alpha_dash(label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        value = field.data
        if (
            isinstance(value, bool)
            or not isinstance(value, (str, int))
            or not re.fullmatch(r"[\w-]+", str(value))
        ):
            raise Invalid(f"The {label} may hold only letters, digits, dashes and underscores.")

    return check


def _in(choices: list[str], label: str) -> Check:
    validator = AnyOf(choices, message=f"The {label} must be one of {', '.join(choices)}.")

    def check(form: Form, field: Field) -> None:
        kept = field.data
        if isinstance(kept, (list, dict)):
            raise Invalid(f"The {label} must be one value.")
        field.data = str(int(kept) if isinstance(kept, bool) else kept)
        try:
            validator(form, field)
        finally:
            field.data = kept

    return check


def _regex(pattern: re.Pattern[str], label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        value = field.data
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > _SUBJECT or not pattern.search(value):
            raise Invalid(f"The {label} has not the right form.")

    return check


def _size(name: str, text: str, number: bool, label: str) -> Check:
    try:
        bound = float(text)
    except ValueError:
        raise ValueError(f"The rule “{name}” needs a number, not “{text}”.") from None
    shown = f"{bound:g}" if bound != int(bound) else str(int(bound))

    def check(form: Form, field: Field) -> None:
        value = field.data
        whole = to_integer(value) if number else None
        if number and whole is None:
            return  # `integer` says it already, wherever it stands among the rules
        size = (
            whole
            if whole is not None
            else len(value)
            if isinstance(value, (str, list, dict))
            else len(str(value))
        )
        if (size < bound) if name == "min" else (size > bound):
            least = "at least" if name == "min" else "at most"
            unit = (
                ""
                if number
                else " entries"
                if isinstance(value, (list, dict))
                else " characters long"
            )
            raise Invalid(f"The {label} must be {least} {shown}{unit}.")

    return check


_KINDS: dict[str, Callable[[str], Check]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "email": _email,
    "ip": _ip,
    "alpha_dash": _alpha_dash,
}
