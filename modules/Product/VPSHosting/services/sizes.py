"""DigitalOcean's sizes and regions, and which of them a product's wish comes down to.

The one table of the slugs that are sold, dearer ones further down; what a size costs is
DigitalOcean's business and changes.
"""

from __future__ import annotations

from dataclasses import dataclass

# The texts' locations, as DigitalOcean names its data centres.
REGIONS = {"us-east-1": "nyc3", "us-west-1": "sfo3", "eu-west-1": "ams3"}
PLACES = {"us-east-1": "New York", "us-west-1": "San Francisco", "eu-west-1": "Amsterdam"}
UNITS = {
    "cpu": "CPU cores",
    "ram": "MB of memory",
    "disk": "GB of disk",
    "traffic": "GB of traffic",
}
FIELDS = {"cpu": "cpu_cores", "ram": "ram_mb", "disk": "disk_gb", "traffic": "bandwidth_gb"}


class WishError(Exception):
    """No size covers the wish; the text is a sentence for staff.

    `fits` is how much of a thing would do, where that alone is too much.
    """

    def __init__(self, sentence: str, fits: dict[str, int] | None = None) -> None:
        super().__init__(sentence)
        self.fits = fits or {}


@dataclass(frozen=True, slots=True)
class Size:
    """What a size has: memory in MB, disk and monthly outgoing traffic in GB."""

    slug: str
    cpu: int
    ram: int
    disk: int
    traffic: int

    def covers(self, wish: dict[str, int], besides: str = "") -> bool:
        """Whether it has all that is wished, looking away from one thing."""
        return all(
            getattr(self, name) >= amount for name, amount in wish.items() if name != besides
        )


SIZES = tuple(
    Size(*row)
    for row in (
        ("s-1vcpu-512mb-10gb", 1, 512, 10, 500),
        ("s-1vcpu-1gb", 1, 1024, 25, 1000),
        ("s-1vcpu-2gb", 1, 2048, 50, 2000),
        ("s-2vcpu-2gb", 2, 2048, 60, 3000),
        ("s-2vcpu-4gb", 2, 4096, 80, 4000),
        ("s-2vcpu-8gb-amd", 2, 8192, 100, 5000),
        ("s-4vcpu-8gb", 4, 8192, 160, 5000),
        ("s-4vcpu-16gb-amd", 4, 16384, 200, 8000),
        ("s-8vcpu-16gb", 8, 16384, 320, 6000),
        ("s-8vcpu-32gb-amd", 8, 32768, 400, 10000),
        ("so-4vcpu-32gb", 4, 32768, 600, 6000),
        ("c-16", 16, 32768, 200, 7000),
        ("m-8vcpu-64gb", 8, 65536, 200, 7000),
        ("c2-16vcpu-32gb", 16, 32768, 400, 7000),
        ("m3-8vcpu-64gb", 8, 65536, 600, 7000),
        ("g-16vcpu-64gb", 16, 65536, 200, 7000),
        ("so-8vcpu-64gb", 8, 65536, 1200, 7000),
        ("gd-16vcpu-64gb", 16, 65536, 400, 7000),
        ("c-32", 32, 65536, 400, 9000),
        ("c2-32vcpu-64gb", 32, 65536, 800, 9000),
        ("m3-16vcpu-128gb", 16, 131072, 1200, 8000),
        ("m-32vcpu-256gb", 32, 262144, 800, 10000),
    )
)
BY_SLUG = {size.slug: size for size in SIZES}


def smallest(wish: dict[str, int]) -> Size:
    """The first size that has all that is wished.

    Args:
        wish: cpu, ram, disk and traffic.

    Raises:
        WishError: there is none.
    """
    for size in SIZES:
        if size.covers(wish):
            return size
    fits = {}
    for name in wish:
        best = max((getattr(size, name) for size in SIZES if size.covers(wish, name)), default=0)
        if best:
            fits[name] = best
    asked = ", ".join(f"{wish[name]} {UNITS[name]}" for name in UNITS)
    if fits:
        would = " or ".join(f"{amount} {UNITS[name]}" for name, amount in fits.items())
        raise WishError(
            f"DigitalOcean has no size with {asked}. With the rest as it is, at most {would} would"
            " fit.",
            fits,
        )
    widest = max(SIZES, key=lambda size: (size.cpu, size.traffic))
    raise WishError(
        f"DigitalOcean has no size with {asked}. The largest, {widest.slug}, has {widest.cpu} CPU"
        f" cores, {widest.ram} MB of memory, {widest.disk} GB of disk and {widest.traffic} GB of"
        " traffic."
    )


def wish_of(product: dict[str, object]) -> dict[str, int]:
    """What a product's data asks for, by the names of this table."""
    return {name: int(str(product[field])) for name, field in FIELDS.items()}
