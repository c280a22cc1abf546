"""Quotas as people write them, as servers tell them, and as customers read them."""

import pytest

from modules.Product.PuqNextcloud.services.quota import Usage, human, normal, size, usage

GB = 1024**3


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5 GB", "5 GB"),
        ("5gb", "5 GB"),
        (" 1,5  gb ", "1.5 GB"),
        ("500 MiB", "500 MB"),
        ("none", "none"),
        ("", "none"),
        ("Unlimited", "none"),
        ("Default", "default"),
        ("2TB", "2 TB"),
    ],
)
def test_a_quota_gets_one_form(written: str, meant: str) -> None:
    assert normal(written) == meant


@pytest.mark.parametrize(
    "written", ["5", "much", "-5 GB", "0 GB", "5 GB extra", "GB", "-3", "5 XB"]
)
def test_what_is_no_quota_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="5 GB"):
        normal(written)


@pytest.mark.parametrize(
    ("told", "count"),
    [
        (5 * GB, 5 * GB),
        (str(5 * GB), 5 * GB),
        ("5 GB", 5 * GB),
        ("5,5GB", 5.5 * GB),
        (5.0e9, 5_000_000_000),
        (0, 0),
        (-3, None),
        ("-3", None),
        ("none", None),
        ("default", None),
        (None, None),
        (True, None),
        ("", None),
        ([], None),
    ],
)
def test_sizes(told: object, count: float | None) -> None:
    assert size(told) == count


@pytest.mark.parametrize(
    ("user", "known"),
    [
        (
            {
                "quota": {
                    "free": 4 * GB,
                    "used": GB,
                    "total": 5 * GB,
                    "relative": 20,
                    "quota": 5 * GB,
                }
            },
            Usage(GB, 5 * GB),
        ),
        (
            {
                "quota": {
                    "free": "4",
                    "used": str(GB),
                    "total": "9",
                    "relative": "20",
                    "quota": "5 GB",
                }
            },
            Usage(GB, 5 * GB),
        ),
        (
            {"quota": {"free": 99 * GB, "used": GB, "total": 100 * GB, "relative": 1, "quota": -3}},
            Usage(GB, None),
        ),
        (
            {"quota": {"free": -3, "used": 7, "total": -3, "relative": 0.0, "quota": -3}},
            Usage(7, None),
        ),
        ({"quota": {"quota": "none", "used": 0}}, Usage(0, None)),
        (
            {"quota": {"free": 3 * GB, "used": GB, "total": 4 * GB, "relative": 25}},
            Usage(GB, 4 * GB),
        ),
        ({"quota": {"used": 1, "total": 4, "quota": "default"}}, Usage(1, 4)),
        ({"quota": {"used": 5, "quota": 0}}, Usage(5, None)),
        ({"quota": "5 GB"}, None),
        ({"quota": []}, None),
        ({"quota": None}, None),
        ({}, None),
    ],
)
def test_what_servers_are_known_to_tell(user: dict[str, object], known: Usage | None) -> None:
    assert usage(user) == known


@pytest.mark.parametrize(
    ("used", "percent", "tone"),
    [
        (0, 0, "good"),
        (849, 84.9, "good"),
        (850, 85, "warn"),
        (949, 94.9, "warn"),
        (950, 95, "bad"),
        (2000, 100, "bad"),
    ],
)
def test_the_tone_of_the_bar(used: int, percent: float, tone: str) -> None:
    assert (Usage(used, 1000).percent, Usage(used, 1000).tone) == (percent, tone)


def test_no_limit_has_no_share() -> None:
    assert Usage(5, None).as_dict() == {
        "used": 5,
        "total": None,
        "percent": 0.0,
        "tone": "good",
        "used_text": "5 B",
        "total_text": "no limit",
        "free_text": "",
    }


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KB"),
        (5 * GB, "5 GB"),
        (1024 * GB - 1, "1 TB"),
        (5000 * 1024 * GB, "4.9 PB"),
    ],
)
def test_bytes_for_people(count: int, text: str) -> None:
    assert human(count) == text
