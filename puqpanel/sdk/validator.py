"""Checks data against rules in the texts' notation: forms, request data and JSON alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wtforms import Field, Form

from puqpanel.domain.errors import InvalidInput
from puqpanel.host.contract.names import bind
from puqpanel.host.contract.request import fields
from puqpanel.sdk import rules as rule
from puqpanel.sdk.errors import Asked


class Messages(dict[str, list[str]]):
    """Sentences by field.

    Calling it gives itself, so that `validator.errors` and `validator.errors()` are the same.
    """

    def __call__(self) -> "Messages":
        return self

    def all(self) -> list[str]:
        """All sentences in one list."""
        return [text for texts in self.values() for text in texts]

    def first(self, field: str = "") -> str:
        """The first sentence of a field, or of all; empty where there is none."""
        texts = self.get(field, []) if field else self.all()
        return texts[0] if texts else ""


class ValidationError(Asked, InvalidInput):
    """Data that broke its rules. `errors` (or `errors()`) has the sentences by field."""

    def __init__(self, errors: Mapping[str, list[str]] | str) -> None:
        messages = Messages({"": [errors]} if isinstance(errors, str) else errors)
        InvalidInput.__init__(self, messages, messages.first() or "Some fields need another look.")
        self.errors: Messages = messages


class _Value(Field):  # type: ignore[misc, unused-ignore]
    """A field that takes its value as it is."""


@bind
class Validator:
    """`Validator.make(data, {"domain": "required|string|max:255"})`."""

    def __init__(
        self,
        data: Any,
        rules: Mapping[str, str | Sequence[str]],
        messages: Mapping[str, str] | None = None,
    ) -> None:
        """Compiles the rules and checks the data.

        Args: data is a dictionary, a MultiDict, a WTForms form or a Request; rules by field;
        messages replace the sentences of a field. Raises: ValueError for an unknown or malformed
        rule.
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
        """A validator that has checked `data` already."""
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
                # Blank text is left to `nullable` or to the default; nothing at all where something
                # was named is not.
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
        """Whether anything is wrong."""
        return bool(self._errors)

    def passes(self) -> bool:
        """Whether all is right."""
        return not self._errors

    @property
    def errors(self) -> Messages:
        """Sentences by field; empty when all is right."""
        return self._errors

    def validated(self) -> dict[str, Any]:
        """The fields that have rules, numbers and truths brought into their type.

        Raises ValidationError.
        """
        if self._errors:
            raise ValidationError(self._errors)
        return dict(self._clean)

    validate: Callable[["Validator"], dict[str, Any]] = validated


def as_dict(data: Any) -> dict[str, Any]:
    """The fields of whatever a module hands over: dictionary, MultiDict, WTForms form, Request,
    or None.
    """
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
        f"cannot validate a {type(data).__name__}; give a dictionary, a form or a request"
    )
