"""Parsing of OCS responses."""

import json

import pytest

from modules.Product.PuqNextcloud.services.ocs_response import (
    Outcome,
    parse,
    parse_bool,
    parse_names,
)

UNKNOWN_ROUTE = (
    "Invalid query, please check the syntax. API specifications are here: http://example.org\n"
)


def ocs(code: object, message: object = "", data: object = None) -> str:
    """Return a JSON response body."""
    return json.dumps(
        {
            "ocs": {
                "meta": {"status": "?", "statuscode": code, "message": message},
                "data": data or [],
            }
        }
    )


@pytest.mark.parametrize(
    ("http", "body", "outcome"),
    [
        (200, ocs(100), Outcome.OK),
        (200, ocs("100"), Outcome.OK),
        (200, ocs(200), Outcome.OK),
        (200, ocs(404, "User does not exist"), Outcome.NOT_FOUND),
        (404, ocs(404), Outcome.NOT_FOUND),
        (200, ocs(998, None), Outcome.NOT_FOUND),
        (200, ocs(998, UNKNOWN_ROUTE), Outcome.REJECTED),
        (401, ocs(997), Outcome.DENIED),
        (403, ocs(403), Outcome.DENIED),
        (401, ocs(403), Outcome.DENIED),
        (200, ocs(101), Outcome.REJECTED),
        (200, ocs(107, "too short"), Outcome.REJECTED),
        (200, ocs(996), Outcome.UNKNOWN),
        (200, ocs(999), Outcome.UNKNOWN),
        (503, ocs(503), Outcome.UNKNOWN),
        (500, ocs(999), Outcome.UNKNOWN),
        (429, ocs(429), Outcome.RATE_LIMITED),
        (429, "", Outcome.RATE_LIMITED),
        (401, "", Outcome.DENIED),
        (412, '{"message": "CSRF check failed"}', Outcome.REJECTED),
        (404, "<!DOCTYPE html><html></html>", Outcome.REJECTED),
        (301, "", Outcome.REJECTED),
        (500, "<html>nginx</html>", Outcome.UNKNOWN),
        (200, "<html><body>Sign in</body></html>", Outcome.UNKNOWN),
        (200, "", Outcome.UNKNOWN),
        (200, "{", Outcome.UNKNOWN),
        (200, "[]", Outcome.UNKNOWN),
        (200, '{"ocs": []}', Outcome.UNKNOWN),
        (200, '{"ocs": {"meta": {"statuscode": null}}}', Outcome.UNKNOWN),
        (200, "\x00\ufffd<<", Outcome.UNKNOWN),
        (200, "{" * 100_000, Outcome.UNKNOWN),
    ],
)
def test_outcomes(http: int, body: str, outcome: Outcome) -> None:
    assert parse(http, body).outcome is outcome


def test_xml_parses_like_json() -> None:
    body = """\ufeff<?xml version="1.0"?>
    <ocs><meta><status>ok</status><statuscode>100</statuscode><message/></meta>
     <data><enabled>1</enabled><id>Frank</id><quota><free>10</free><used>5</used></quota>
      <groups><element>a</element><element>b</element></groups><email/></data></ocs>"""
    response = parse(200, body)
    assert response.ok
    assert response.data == {
        "enabled": "1",
        "id": "Frank",
        "quota": {"free": "10", "used": "5"},
        "groups": ["a", "b"],
        "email": "",
    }


@pytest.mark.parametrize(
    "body",
    [
        (
            '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a'
            ' "b">]><ocs><meta><statuscode>100</statuscode></meta></ocs>'
        ),
        "<ocs><meta><statuscode>100</statuscode></meta>",
        "<other><meta><statuscode>100</statuscode></meta></other>",
    ],
)
def test_invalid_xml(body: str) -> None:
    assert parse(200, body).outcome is Outcome.UNKNOWN


def test_retry_after_header() -> None:
    assert (
        parse(429, "", "17").retry_after_seconds,
        parse(429, "", "Sat, 21 Nov 2026 08:00:00 GMT").retry_after_seconds,
    ) == (
        17,
        0,
    )


@pytest.mark.parametrize(
    ("code", "uncertain"),
    [(100, False), (101, True), (102, False), (103, True), (104, False), (107, False), (996, True)],
)
def test_uncertain_responses(code: int, uncertain: bool) -> None:
    assert parse(200, ocs(code)).uncertain is uncertain


@pytest.mark.parametrize("value", [True, 1, "1", "true", "TRUE", "yes"])
def test_parse_bool(value: object) -> None:
    assert parse_bool(value)
    assert not parse_bool("")
    assert not parse_bool("0")


def test_parse_names() -> None:
    assert (
        parse_names(["a", 1]),
        parse_names("a"),
        parse_names(""),
        parse_names(None),
        parse_names({"groups": ["x"]}, "groups"),
        parse_names({"0": "y"}),
    ) == (["a", "1"], ["a"], [], [], ["x"], ["y"])
