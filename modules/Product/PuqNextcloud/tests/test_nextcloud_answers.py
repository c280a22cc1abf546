"""Answers of OCS servers of all makes, read."""

import json

import pytest

from modules.Product.PuqNextcloud.services.ocs_answer import Outcome, read, texts, truth

UNKNOWN_ROUTE = (
    "Invalid query, please check the syntax. API specifications are here: http://example.org\n"
)


def ocs(code: object, message: object = "", data: object = None) -> str:
    """An answer as JSON."""
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
        (200, ocs(404, "User does not exist"), Outcome.MISSING),
        (404, ocs(404), Outcome.MISSING),
        (200, ocs(998, None), Outcome.MISSING),
        (200, ocs(998, UNKNOWN_ROUTE), Outcome.INVALID),
        (401, ocs(997), Outcome.REFUSED),
        (403, ocs(403), Outcome.REFUSED),
        (401, ocs(403), Outcome.REFUSED),
        (200, ocs(101), Outcome.INVALID),
        (200, ocs(107, "too short"), Outcome.INVALID),
        (200, ocs(996), Outcome.UNKNOWN),
        (200, ocs(999), Outcome.UNKNOWN),
        (503, ocs(503), Outcome.UNKNOWN),
        (500, ocs(999), Outcome.UNKNOWN),
        (429, ocs(429), Outcome.BUSY),
        (429, "", Outcome.BUSY),
        (401, "", Outcome.REFUSED),
        (412, '{"message": "CSRF check failed"}', Outcome.INVALID),
        (404, "<!DOCTYPE html><html></html>", Outcome.INVALID),
        (301, "", Outcome.INVALID),
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
    assert read(http, body).outcome is outcome


def test_xml_reads_like_json() -> None:
    body = """\ufeff<?xml version="1.0"?>
    <ocs><meta><status>ok</status><statuscode>100</statuscode><message/></meta>
     <data><enabled>1</enabled><id>Frank</id><quota><free>10</free><used>5</used></quota>
      <groups><element>a</element><element>b</element></groups><email/></data></ocs>"""
    answer = read(200, body)
    assert answer.ok
    assert answer.data == {
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
def test_xml_that_is_refused(body: str) -> None:
    assert read(200, body).outcome is Outcome.UNKNOWN


def test_retry_after_is_kept() -> None:
    assert (read(429, "", "17").wait, read(429, "", "Sat, 21 Nov 2026 08:00:00 GMT").wait) == (
        17,
        0,
    )


@pytest.mark.parametrize(
    ("code", "doubtful"),
    [(100, False), (101, True), (102, False), (103, True), (104, False), (107, False), (996, True)],
)
def test_what_may_have_been_done_all_the_same(code: int, doubtful: bool) -> None:
    assert read(200, ocs(code)).doubtful is doubtful


@pytest.mark.parametrize("yes", [True, 1, "1", "true", "TRUE", "yes"])
def test_yes(yes: object) -> None:
    assert truth(yes)
    assert not truth("")
    assert not truth("0")


def test_lists_of_names() -> None:
    assert (
        texts(["a", 1]),
        texts("a"),
        texts(""),
        texts(None),
        texts({"groups": ["x"]}, "groups"),
        texts({"0": "y"}),
    ) == (["a", "1"], ["a"], [], [], ["x"], ["y"])
