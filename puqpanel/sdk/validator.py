"""Validation of forms, request data and JSON with rules such as `required|integer|min:1`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wtforms import Field, Form

from puqpanel.domain.errors import InvalidInput
from puqpanel.host.contract.names import bind
from puqpanel.host.contract.request import fields
from puqpanel.sdk import rules as rule
from puqpanel.sdk.errors import CodedError


class Messages(dict[str, list[str]]):
    """Messages by field.

    Calling it returns itself, so that `validator.errors` and `validator.errors()` are the same.
    """

    def __call__(self) -> "Messages":
        """Return these messages."""
        return self

    def all(self) -> list[str]:
        """Return all messages in one list."""
        return [text for texts in self.values() for text in texts]

    def first(self, field: str = "") -> str:
        """Return the first message of a field, or of all fields; empty if there is none."""
        texts = self.get(field, []) if field else self.all()
        return texts[0] if texts else ""


class ValidationError(CodedError, InvalidInput):
    """Data failed validation. `errors` (or `errors()`) holds the messages by field."""

    def __init__(self, errors: Mapping[str, list[str]] | str) -> None:
        self._messages = Messages({"": [errors]} if isinstance(errors, str) else errors)
        InvalidInput.__init__(
            self, self._messages, self._messages.first() or "Some fields are invalid."
        )

    @property
    def errors(self) -> Messages:
        """The messages by field name."""
        return self._messages


class _Value(Field):  # type: ignore[misc, unused-ignore]
    """A field that accepts its value unchanged."""


@bind
class Validator:
    """Validates data against rules.

    The rules are required, nullable, string, integer, boolean, email, ip, alpha_dash, in, regex,
    min and max. `min` and `max` compare the value after `integer`, and the length otherwise.

        check = Validator.make(request, {"domain": "required|string|max:255", "port": "integer"})
        if check.fails():
            return json_error("Check the fields.", 422, check.errors)
        data = check.validated()
    """

    def __init__(
        self,
        data: Any,
        rules: Mapping[str, str | Sequence[str]],
        messages: Mapping[str, str] | None = None,
    ) -> None:
        """Compile the rules and check the data.

        Args:
            data: a dictionary, a MultiDict, a WTForms form or a Request.
            rules: the rules by field, as text or as a list.
            messages: replacements for a field's messages.

        Raises:
            ValueError: a rule is unknown or malformed.
        """
        self._data = as_dict(data)
        self._own = dict(messages or {})
        self._clean: dict[str, Any] = {}
        self._errors = Messages()
        compiled = {str(field): rule.split(text) for field, text in rules.items()}
        for field, pairs in compiled.items():
            self._check(field, pairs)

    @classmethod
    def make(
        cls,
        data: Any,
        rules: Mapping[str, str | Sequence[str]],
        messages: Mapping[str, str] | None = None,
    ) -> "Validator":
        """Return a validator that has checked the data; the arguments are those of the class."""
        return cls(data, rules, messages)

    def _check(self, name: str, pairs: list[tuple[str, str]]) -> None:
        names = {rule_name for rule_name, _ in pairs}
        label = name.replace("_", " ").replace("-", " ")
        checks = rule.compile_rules(pairs, label)
        value = self._data.get(name)
        if rule.empty(value):
            if "required" in names:
                self._fail(name, [f"The {label} is required."])
            elif name in self._data:
                # blank text is allowed without `nullable`, None is not
                if value is None and "nullable" not in names:
                    self._fail(name, [f"The {label} must not be empty."])
                else:
                    self._clean[name] = None if "nullable" in names else value
            return
        form = Form()
        field = _Value(label, name=name, _form=form, validators=checks)
        field.data = value
        if field.validate(form):
            self._clean[name] = field.data
        else:
            self._fail(name, [str(text) for text in field.errors])

    def _fail(self, name: str, texts: list[str]) -> None:
        self._errors[name] = [self._own[name]] if name in self._own else texts

    def fails(self) -> bool:
        """Return whether any field failed."""
        return bool(self._errors)

    def passes(self) -> bool:
        """Return whether all fields passed."""
        return not self._errors

    @property
    def errors(self) -> Messages:
        """Messages by field; empty if all fields passed."""
        return self._errors

    def validated(self) -> dict[str, Any]:
        """Return the fields that have rules, with numbers and booleans converted.

        Raises:
            ValidationError: a field failed.
        """
        if self._errors:
            raise ValidationError(self._errors)
        return dict(self._clean)

    validate: Callable[["Validator"], dict[str, Any]] = validated


def as_dict(data: Any) -> dict[str, Any]:
    """Return the fields of a mapping, WTForms form, Request or None as a dictionary."""
    if data is None:
        return {}
    if isinstance(data, Form):
        return dict(data.data)
    if hasattr(data, "getlist"):
        return fields(data)
    if isinstance(data, Mapping):
        return {str(key): value for key, value in data.items()}
    if callable(getattr(data, "all", None)):
        return as_dict(data.all())
    raise TypeError(
        f"cannot validate a {type(data).__name__}; pass a dictionary, a form or a request"
    )
