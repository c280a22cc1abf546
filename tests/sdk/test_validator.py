"""Every documented validation rule, on forms, request data and JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, IntegerField

from puqpanel.host.contract.result import Result
from puqpanel.sdk import ValidationError, Validator
from puqpanel.sdk.compat import ValidationException

DOMAIN = r"required|regex:/^[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]*\.[a-zA-Z]{2,}$/"
STRONG = r"required|min:8|regex:/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)/"
ABSENT: Any = object()

CASES: list[tuple[str, Any, Any]] = [
    # rules, value, what comes out (ABSENT: refused)
    ("required", "", ABSENT),
    ("required", "  ", ABSENT),
    ("required", None, ABSENT),
    ("required", [], ABSENT),
    ("required", 0, 0),
    ("required", False, False),
    ("required|string", "x", "x"),
    ("required|string", 5, ABSENT),
    ("string", True, ABSENT),
    ("required|integer", "5", 5),
    ("required|integer", " -5 ", -5),
    ("integer", 5.0, 5),
    ("integer", 5.5, ABSENT),
    ("integer", "5.0", ABSENT),
    ("integer", True, ABSENT),
    ("integer", "٣", ABSENT),
    ("integer", "9" * 40, ABSENT),
    ("integer", "1e3", ABSENT),
    ("boolean", "1", True),
    ("boolean", 0, False),
    ("boolean", "on", True),
    ("boolean", "false", False),
    ("boolean", "maybe", ABSENT),
    ("boolean", 2, ABSENT),
    ("email", "a.b+c@mail.example.org", "a.b+c@mail.example.org"),
    ("email", "a@b", ABSENT),
    ("email", "a b@c.de", ABSENT),
    ("email", "a@c.de\n", ABSENT),
    ("email", "@c.de", ABSENT),
    ("ip", "203.0.113.7", "203.0.113.7"),
    ("ip", "2001:db8::1", "2001:db8::1"),
    ("ip", "203.0.113.256", ABSENT),
    ("ip", "1.2.3", ABSENT),
    ("ip", 5, ABSENT),
    ("nullable|ip", None, None),
    ("nullable|ip", "", None),
    ("ip", None, ABSENT),
    ("nullable|ip", "x", ABSENT),
    ("alpha_dash", "user_name-1", "user_name-1"),
    ("alpha_dash", "user name", ABSENT),
    ("alpha_dash", "a.b", ABSENT),
    ("alpha_dash", "a\n", ABSENT),
    ("in:basic,premium", "basic", "basic"),
    ("in:basic,premium", "Basic", ABSENT),
    ("in:1,2", 1, 1),
    ("in:1,2", "3", ABSENT),
    ("in:1,2", ["1"], ABSENT),
    ("required|integer|min:1", "0", ABSENT),
    ("required|integer|min:1|max:32", 32, 32),
    ("integer|max:32", "33", ABSENT),
    ("min:3|integer", "12", 12),
    ("min:3|integer", "2", ABSENT),
    ("min:3", "12", ABSENT),
    ("min:3", "123", "123"),
    ("max:3", "żółw", ABSENT),
    ("max:4", "żółw", "żółw"),
    ("min:2", [1], ABSENT),
    ("required|alpha_dash|min:3|max:20", "ab", ABSENT),
    ("required|alpha_dash|min:3|max:20", "abc", "abc"),
    (DOMAIN, "example.com", "example.com"),
    (DOMAIN, "-example.com", ABSENT),
    (DOMAIN, "example.com\n", ABSENT),
    (DOMAIN, "example", ABSENT),
    (STRONG, "Abcdefg1", "Abcdefg1"),
    (STRONG, "abcdefg1", ABSENT),
    (STRONG, "Abc1", ABSENT),
    ("regex:/^(a|b)$/i|required", "B", "B"),
    ("regex:/^(a|b)$/|max:1", "c", ABSENT),
    ("regex:#^/x#", "/x/y", "/x/y"),
    ("regex:{^a{2}$}", "aa", "aa"),
    ("regex:/b/", "abc", "abc"),
    (r"regex:~^(?<year>\d{4})\z~", "2026", "2026"),
    ("regex:/^a$/", 5, ABSENT),
]


@pytest.mark.parametrize(("rules", "value", "clean"), CASES)
def test_rules(rules: str, value: Any, clean: Any) -> None:
    validator = Validator.make({"field": value}, {"field": rules})
    if clean is ABSENT:
        assert validator.fails()
        assert validator.errors["field"][0].startswith("The field ")
    else:
        assert not validator.fails(), validator.errors()
        assert validator.validated() == {"field": clean}
        assert type(validator.validated()["field"]) is type(clean)


def test_absent_fields_are_ignored_unless_required() -> None:
    validator = Validator.make({}, {"a": "integer|min:1", "b": "nullable|ip", "c": "required"})
    assert dict(validator.errors()) == {"c": ["The c is required."]}
    assert Validator.make({"a": "", "x": 1}, {"a": "string|min:3"}).validated() == {"a": ""}


def test_one_message_per_rule_and_types_first() -> None:
    validator = Validator.make(
        {"disk_space": "many", "name": "a b"},
        {"disk_space": "required|integer|min:1", "name": "alpha_dash|min:5"},
    )
    assert validator.errors["disk_space"] == ["The disk space must be a whole number."]
    assert validator.errors["name"] == [
        "The name may contain only letters, digits, dashes and underscores.",
        "The name must be at least 5 characters long.",
    ]
    assert validator.errors.first("name") == validator.errors["name"][0]
    with pytest.raises(ValidationException) as caught:
        validator.validate()
    assert caught.value.errors() == validator.errors
    assert isinstance(caught.value, ValidationError)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("florp", "“florp” is not a validation rule"),
        ("required|uniqe:users", "“uniqe” is not"),
        ("min", "needs a value"),
        ("max:many", "needs a number"),
        ("regex:/(/", "is invalid: missing"),
        ("regex:/a", "has no closing"),
        ("regex:/a/q", "flag “q”"),
    ],
)
def test_invalid_rules_raise(rules: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Validator.make({"a": "x"}, {"a": rules})


class Filled(Form):  # type: ignore[misc, unused-ignore]
    port = IntegerField()
    ssl = BooleanField()


@pytest.mark.parametrize(
    "data",
    [
        {"port": "443", "ssl": "1"},
        {"port": 443, "ssl": True},
        MultiDict([("port", "1"), ("port", "443"), ("ssl", "0"), ("ssl", "1")]),
        Filled(data={"port": 443, "ssl": True}),
    ],
)
def test_sources(data: Any) -> None:
    assert Validator.make(
        data, {"port": ["required", "integer"], "ssl": "boolean"}
    ).validated() == {"port": 443, "ssl": True}


def test_custom_messages_and_results() -> None:
    validator = Validator.make({}, {"name": "required"}, {"name": "Who?"})
    result = Result.of({"status": "error", "message": validator.errors(), "code": 422})
    assert (result.ok, result.message, result.errors, result.code) == (
        False,
        "Who?",
        {"name": ["Who?"]},
        422,
    )


@given(
    st.one_of(
        st.text(),
        st.integers(),
        st.floats(allow_nan=False),
        st.none(),
        st.booleans(),
        st.lists(st.text(max_size=3), max_size=3),
    )
)
def test_fuzzed_input_is_handled(value: Any) -> None:
    rules = (
        "nullable|string",
        "integer|min:1|max:9",
        "boolean",
        "email",
        "ip",
        "alpha_dash",
        "in:a,b",
        DOMAIN,
        STRONG,
        "min:2|max:5",
    )
    for rule in rules:
        validator = Validator.make({"x": value}, {"x": rule})
        assert validator.fails() == bool(validator.errors())
