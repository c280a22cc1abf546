"""Validation rules such as `required|integer|min:1`, compiled to WTForms validators.

The rules are required, nullable, string, integer, boolean, email, ip, alpha_dash, in, regex, min
and max. An unknown rule raises.
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
# Patterns run over untrusted input, so longer texts never match.
_MAX_SUBJECT_LENGTH = 10_000
TAKES_VALUE = frozenset({"in", "regex", "min", "max"})
PLAIN = frozenset(
    {"required", "nullable", "string", "integer", "boolean", "email", "ip", "alpha_dash"}
)


def split(rules: str | Sequence[str]) -> list[tuple[str, str]]:
    """Split `"required|min:3"` or `["required", "min:3"]` into pairs of rule and argument.

    A `|` inside a pattern's delimiters does not split.

    Raises:
        ValueError: a rule is unknown, or lacks the argument it needs.
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
                f"“{name}” is not a validation rule; the rules are"
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
    """Return the index after the delimited pattern that begins at `start`, flags included."""
    closing = _CLOSING.get(rules[start], rules[start])
    # the last delimiter that is followed by flags and then by the next rule or the end
    for match in re.finditer(rf"{re.escape(closing)}[a-zA-Z]*(?=\||$)", rules[start + 1 :]):
        rest = rules[start + 1 + match.end() + 1 :]
        head = re.match(r"\s*([a-z_]+)", rest)
        if not rest or (head and head[1] in PLAIN | TAKES_VALUE):
            return start + 1 + match.end()
    return len(rules)


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern with PHP's delimiters and flags, `/^[a-z]+$/i`.

    Raises:
        ValueError: the pattern is malformed.
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
        # `$` also matches before a trailing line break, which no rule intends
        body = body[:-1] + r"\Z"
    body = (
        re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", body).replace(r"\z", r"\Z").replace(r"\h", r"[ \t]")
    )
    try:
        return re.compile(body, option)
    except re.error as error:
        raise ValueError(f"The pattern {text} is invalid: {error}.") from None


def empty(value: Any) -> bool:
    """Return whether `required` refuses a value: None, blank text, an empty list or mapping."""
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, (list, dict)) and not value)
    )


def to_integer(value: Any) -> int | None:
    """Return 5, "5", " -5 " or 5.0 as an integer; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) < 30 and re.fullmatch(r"\s*[-+]?[0-9]+\s*", value):
        return int(value)
    return None


def to_boolean(value: Any) -> bool | None:
    """Return True, 1, "1", "on" and the like as a boolean; None for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower() if isinstance(value, (int, str)) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def compile_rules(pairs: Sequence[tuple[str, str]], label: str) -> list[Check]:
    """Return the WTForms validators of one field, in the order of its rules."""
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
        boolean = to_boolean(field.data)
        if boolean is None:
            raise StopValidation(f"The {label} must be yes or no.")
        field.data = boolean

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
            raise Invalid(f"The {label} may contain only letters, digits, dashes and underscores.")

    return check


def _in(choices: list[str], label: str) -> Check:
    validator = AnyOf(choices, message=f"The {label} must be one of {', '.join(choices)}.")

    def check(form: Form, field: Field) -> None:
        value = field.data
        if isinstance(value, (list, dict)):
            raise Invalid(f"The {label} must be a single value.")
        field.data = str(int(value) if isinstance(value, bool) else value)
        try:
            validator(form, field)
        finally:
            field.data = value

    return check


def _regex(pattern: re.Pattern[str], label: str) -> Check:
    def check(form: Form, field: Field) -> None:
        value = field.data
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if (
            not isinstance(value, str)
            or len(value) > _MAX_SUBJECT_LENGTH
            or not pattern.search(value)
        ):
            raise Invalid(f"The {label} has an invalid format.")

    return check


def _size(name: str, text: str, number: bool, label: str) -> Check:
    try:
        bound = float(text)
    except ValueError:
        raise ValueError(f"The rule “{name}” needs a number, not “{text}”.") from None
    number_text = str(int(bound)) if bound.is_integer() else f"{bound:g}"
    limit = f"{'at least' if name == 'min' else 'at most'} {number_text}"

    def check(form: Form, field: Field) -> None:
        value = field.data
        size, unit = _measured(value, number)
        if size is None:
            return  # `integer` reports it, whatever the order of the rules
        if (size < bound) if name == "min" else (size > bound):
            raise Invalid(f"The {label} must be {limit}{unit}.")

    return check


def _measured(value: Any, number: bool) -> tuple[int | None, str]:
    """Return what `min` and `max` compare, and its unit."""
    if number:
        return to_integer(value), ""
    if isinstance(value, (list, dict)):
        return len(value), " entries"
    return len(value if isinstance(value, str) else str(value)), " characters long"


_KINDS: dict[str, Callable[[str], Check]] = {
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "email": _email,
    "ip": _ip,
    "alpha_dash": _alpha_dash,
}
