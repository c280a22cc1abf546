"""DigitalOcean's regions and sizes, and the size that fits a product's requirements."""

from __future__ import annotations

from dataclasses import dataclass

from puqpanel.sdk import __, n__, noop__

# DigitalOcean's data centre and the city of each location of the vendor documentation.
REGIONS = {"us-east-1": "nyc3", "us-west-1": "sfo3", "eu-west-1": "ams3"}
CITIES = {"us-east-1": "New York", "us-west-1": "San Francisco", "eu-west-1": "Amsterdam"}
UNITS = {
    "ram": noop__(":amount MB of memory"),
    "disk": noop__(":amount GB of disk"),
    "traffic": noop__(":amount GB of traffic"),
}
# The field of the product form for each requirement.
FIELDS = {"cpu": "cpu_cores", "ram": "ram_mb", "disk": "disk_gb", "traffic": "bandwidth_gb"}


class SizeError(Exception):
    """No size meets the requirements; the text is a sentence for staff.

    Attributes:
        limits: The amount that would be available of each requirement that alone is too high.
    """

    def __init__(self, message: str, limits: dict[str, int] | None = None) -> None:
        super().__init__(message)
        self.limits = limits or {}


@dataclass(frozen=True, slots=True)
class Size:
    """A size: memory in MB, disk and monthly outgoing traffic in GB."""

    slug: str
    cpu: int
    ram: int
    disk: int
    traffic: int

    def covers(self, requirements: dict[str, int], ignore: str = "") -> bool:
        """Return whether the size meets all requirements but the ignored one."""
        return all(
            getattr(self, name) >= amount for name, amount in requirements.items() if name != ignore
        )


# The sizes that are sold, cheapest first. Prices change, so they are not listed.
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


def smallest(requirements: dict[str, int]) -> Size:
    """Return the cheapest size that meets the requirements.

    Args:
        requirements: Amounts of cpu, ram, disk and traffic.

    Raises:
        SizeError: There is none.
    """
    for size in SIZES:
        if size.covers(requirements):
            return size
    limits = {}
    for name in requirements:
        amounts = [getattr(size, name) for size in SIZES if size.covers(requirements, name)]
        if amounts:
            limits[name] = max(amounts)
    text = ", ".join(_amount(name, requirements[name]) for name in FIELDS)
    if limits:
        options = _either([_amount(name, amount) for name, amount in limits.items()])
        values = {"requirements": text, "options": options}
        raise SizeError(
            __(
                "DigitalOcean has no size with :requirements. Reduce it to at most :options.",
                values,
            ),
            limits,
        )
    largest = max(SIZES, key=lambda size: (size.cpu, size.traffic))
    values = {
        "requirements": text,
        "size": largest.slug,
        "amounts": ", ".join(_amount(name, getattr(largest, name)) for name in FIELDS),
    }
    raise SizeError(
        __("DigitalOcean has no size with :requirements. The largest, :size, has :amounts.", values)
    )


def _amount(name: str, amount: int) -> str:
    if name == "cpu":
        return n__(":count CPU core", ":count CPU cores", amount)
    return __(UNITS[name], {"amount": amount})


def _either(options: list[str]) -> str:
    text = options[0]
    for option in options[1:]:
        text = __(":first or :second", {"first": text, "second": option})
    return text


def requirements_of(product: dict[str, object]) -> dict[str, int]:
    """Return the requirements in a product's data."""
    return {name: int(str(product[field])) for name, field in FIELDS.items()}
