"""What a product's wish comes down to at DigitalOcean."""

from __future__ import annotations

import pytest

from modules.Product.VPSHosting.services.sizes import REGIONS, SIZES, WishError, smallest


def wish(cpu: int = 1, ram: int = 1024, disk: int = 25, traffic: int = 1000) -> dict[str, int]:
    """A wish; the texts' defaults."""
    return {"cpu": cpu, "ram": ram, "disk": disk, "traffic": traffic}


@pytest.mark.parametrize(
    ("wanted", "slug"),
    [
        (wish(), "s-1vcpu-1gb"),
        (wish(1, 512, 10, 100), "s-1vcpu-512mb-10gb"),
        (wish(1, 512, 10), "s-1vcpu-1gb"),  # for its traffic
        (wish(2, 2048), "s-2vcpu-2gb"),
        (wish(4, 8192), "s-4vcpu-8gb"),
        (wish(2, 8192), "s-2vcpu-8gb-amd"),
        (wish(1, 1024, 80), "s-2vcpu-4gb"),
        (wish(1, 1024, 25, 2500), "s-2vcpu-2gb"),
        (wish(8, 65536, 1000, 6500), "so-8vcpu-64gb"),
        (wish(32, 65536, 400, 9000), "c-32"),
        (wish(32, 65536, 800), "c2-32vcpu-64gb"),
        (wish(16, 65536, 1000), "m3-16vcpu-128gb"),
    ],
)
def test_smallest_covering_size(wanted: dict[str, int], slug: str) -> None:
    assert smallest(wanted).slug == slug


def test_uncovered_size_is_rejected_with_the_closest_one() -> None:
    with pytest.raises(
        WishError, match="at most 16 CPU cores or 800 GB of disk would fit"
    ) as refused:
        smallest(wish(32, 65536, 1000))
    assert refused.value.fits == {"cpu": 16, "disk": 800}
    with pytest.raises(WishError, match="at most 10000 GB of traffic would fit"):
        smallest(wish(traffic=10_001))
    with pytest.raises(
        WishError,
        match=(
            "The largest, m-32vcpu-256gb, has 32 CPU cores, 262144 MB of memory, 800 GB of disk and"
            " 10000 GB"
        ),
    ):
        smallest(wish(32, 65536, 1000, 20_000))


def test_every_size_is_selectable() -> None:
    """None stands behind one that has as much of everything and costs less."""
    for size in SIZES:
        assert smallest(wish(size.cpu, size.ram, size.disk, size.traffic)) is size, size.slug
        assert f"{size.cpu}" in size.slug
    assert set(REGIONS) == {"us-east-1", "us-west-1", "eu-west-1"}
