"""The DigitalOcean size that fits a product's requirements."""

from __future__ import annotations

import pytest

from modules.Product.VPSHosting.services.sizes import REGIONS, SIZES, SizeError, smallest


def requirements(
    cpu: int = 1, ram: int = 1024, disk: int = 25, traffic: int = 1000
) -> dict[str, int]:
    """Return requirements; the defaults are those of the vendor documentation."""
    return {"cpu": cpu, "ram": ram, "disk": disk, "traffic": traffic}


@pytest.mark.parametrize(
    ("required", "slug"),
    [
        (requirements(), "s-1vcpu-1gb"),
        (requirements(1, 512, 10, 100), "s-1vcpu-512mb-10gb"),
        (requirements(1, 512, 10), "s-1vcpu-1gb"),  # for its traffic
        (requirements(2, 2048), "s-2vcpu-2gb"),
        (requirements(4, 8192), "s-4vcpu-8gb"),
        (requirements(2, 8192), "s-2vcpu-8gb-amd"),
        (requirements(1, 1024, 80), "s-2vcpu-4gb"),
        (requirements(1, 1024, 25, 2500), "s-2vcpu-2gb"),
        (requirements(8, 65536, 1000, 6500), "so-8vcpu-64gb"),
        (requirements(32, 65536, 400, 9000), "c-32"),
        (requirements(32, 65536, 800), "c2-32vcpu-64gb"),
        (requirements(16, 65536, 1000), "m3-16vcpu-128gb"),
    ],
)
def test_smallest_covering_size(required: dict[str, int], slug: str) -> None:
    assert smallest(required).slug == slug


def test_uncovered_size_is_rejected_with_the_closest_one() -> None:
    with pytest.raises(
        SizeError, match=r"Reduce it to at most 16 CPU cores or 800 GB of disk\."
    ) as raised:
        smallest(requirements(32, 65536, 1000))
    assert raised.value.limits == {"cpu": 16, "disk": 800}
    with pytest.raises(SizeError, match=r"Reduce it to at most 10000 GB of traffic\."):
        smallest(requirements(traffic=10_001))
    with pytest.raises(
        SizeError,
        match=(
            "The largest, m-32vcpu-256gb, has 32 CPU cores, 262144 MB of memory, 800 GB of disk,"
            " 10000 GB"
        ),
    ):
        smallest(requirements(32, 65536, 1000, 20_000))


def test_every_size_is_selectable() -> None:
    """No size comes after a cheaper one that has at least as much of everything."""
    for size in SIZES:
        assert smallest(requirements(size.cpu, size.ram, size.disk, size.traffic)) is size, (
            size.slug
        )
        assert f"{size.cpu}" in size.slug
    assert set(REGIONS) == {"us-east-1", "us-west-1", "eu-west-1"}
