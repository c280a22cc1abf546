"""Parsing of OCS responses."""

import json

import pytest

from modules.Product.PuqNextcloud.services.explanations import explain
from modules.Product.PuqNextcloud.services.ocs_response import (
    OcsResponse,
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
        (503, ocs(503), Outcome.MAINTENANCE),
        (503, "<html>This Nextcloud is currently in maintenance mode.</html>", Outcome.MAINTENANCE),
        (503, "<html>Service unavailable</html>", Outcome.UNKNOWN),
        (500, ocs(999), Outcome.UNKNOWN),
        (502, ocs(100), Outcome.UNKNOWN),
        (500, ocs(404), Outcome.UNKNOWN),
        (404, ocs(100), Outcome.UNKNOWN),
        (400, "The plain HTTP request was sent to HTTPS port", Outcome.REJECTED),
        (400, "<html>Access through untrusted domain</html>", Outcome.REJECTED),
        (400, "<html>Bad Request</html>", Outcome.UNKNOWN),
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
        (200, '{"ocs": {"meta": {"statuscode": 1e999}}}', Outcome.UNKNOWN),
        (200, ocs(100, "OK", ["a"])[:-9], Outcome.UNKNOWN),
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


def test_maintenance_header() -> None:
    assert parse(503, "", maintenance=True).outcome is Outcome.MAINTENANCE
    assert parse(200, ocs(100), maintenance=True).ok


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (
            parse(200, ocs(996, "Internal Server Error\n")),
            "cloud-1 reported an internal error: Internal Server Error.",
        ),
        (parse(200, ocs(996, " . ")), "cloud-1 reported an internal error."),
        (parse(200, ocs(999)), "cloud-1 reported an internal error."),
        (parse(200, ocs(105, "a\n b.")), "cloud-1 rejected the request: a b (code 105)."),
        (parse(200, ocs(105)), "cloud-1 rejected the request (code 105)."),
        (parse(503, ocs(503)), "cloud-1 is in maintenance mode."),
        (OcsResponse(Outcome.UNKNOWN), "The request to cloud-1 failed."),
        (
            OcsResponse(Outcome.UNKNOWN, message="The server did not respond in time.", seconds=6),
            "The request to cloud-1 failed after 6 s: The server did not respond in time.",
        ),
        (
            parse(403, "<html>Forbidden</html>"),
            (
                "Access to cloud-1 was refused with HTTP 403. Check whether a firewall or proxy in"
                " front of it blocks the panel."
            ),
        ),
        (
            parse(401, ocs(403, "Not an administrator.")),
            (
                "The panel's user on cloud-1 isn't allowed to manage users: Not an administrator."
                " Add it to the group admin there."
            ),
        ),
        (
            parse(400, "<h1>400</h1><p>You're speaking plain HTTP to an SSL-enabled server port."),
            (
                "cloud-1 expects TLS on this port. Turn on “Use TLS (https)”, or enter the port for"
                " plain HTTP."
            ),
        ),
        (
            parse(200, "<html>Sign in</html>"),
            (
                "cloud-1 sent a web page instead of a response of its API (HTTP 200). Check its"
                " address and whether a proxy is in front of it."
            ),
        ),
        (parse(200, "{"), "cloud-1 sent an unreadable response: HTTP 200."),
    ],
)
def test_sentences(response: OcsResponse, sentence: str) -> None:
    assert explain(response, "cloud-1") == sentence


@pytest.mark.parametrize(
    ("http", "uncertain"),
    [(302, True), (403, True), (404, True), (502, True), (429, False), (503, True)],
)
def test_a_page_of_a_proxy_is_no_certain_refusal(http: int, uncertain: bool) -> None:
    assert parse(http, "<html></html>").uncertain is uncertain


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
