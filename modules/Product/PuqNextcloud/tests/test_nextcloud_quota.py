"""Parsing and formatting of quotas and usage."""

import pytest

from modules.Product.PuqNextcloud.services.quota import (
    Usage,
    format_size,
    normalize,
    parse_size,
    parse_usage,
)

GB = 1024**3


@pytest.mark.parametrize(
    ("text", "normalized"),
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
def test_normalize(text: str, normalized: str) -> None:
    assert normalize(text) == normalized


@pytest.mark.parametrize("text", ["5", "much", "-5 GB", "0 GB", "5 GB extra", "GB", "-3", "5 XB"])
def test_normalize_rejects_invalid_quotas(text: str) -> None:
    with pytest.raises(ValueError, match="5 GB"):
        normalize(text)


@pytest.mark.parametrize(
    ("value", "size_bytes"),
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
        (float("inf"), None),
        (float("nan"), None),
        (10**400, None),
        ("9" * 400 + " PB", None),
        ("²", None),
        ("", None),
        ([], None),
    ],
)
def test_parse_size(value: object, size_bytes: float | None) -> None:
    assert parse_size(value) == size_bytes


@pytest.mark.parametrize(
    ("user", "usage"),
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
def test_parse_usage(user: dict[str, object], usage: Usage | None) -> None:
    assert parse_usage(user) == usage


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
def test_usage_tone(used: int, percent: float, tone: str) -> None:
    assert (Usage(used, 1000).percent, Usage(used, 1000).tone) == (percent, tone)


def test_usage_without_a_limit() -> None:
    assert Usage(5, None).as_dict() == {
        "used": 5,
        "total": None,
        "percent": 0.0,
        "tone": "good",
        "used_text": "5 B",
        "total_text": "",
        "free_text": "",
    }


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1536, "1.5 KB"),
        (5 * GB, "5 GB"),
        (1024 * GB - 1, "1 TB"),
        (5000 * 1024 * GB, "4.9 PB"),
    ],
)
def test_format_size(size_bytes: int, text: str) -> None:
    assert format_size(size_bytes) == text
