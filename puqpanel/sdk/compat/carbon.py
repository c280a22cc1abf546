"""Timestamps with Carbon's methods: aware datetimes in UTC."""

from datetime import UTC, datetime, timedelta

from puqpanel.host.contract.names import bind
from puqpanel.infra import clock


@bind
class Moment(datetime):
    """A datetime with Carbon's methods; arithmetic returns a Moment again."""

    def to_iso_string(self) -> str:
        """Return `2026-11-21T08:00:00.000000Z`."""
        return self.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def to_date_time_string(self) -> str:
        """Return `2026-11-21 08:00:00`."""
        return self.strftime("%Y-%m-%d %H:%M:%S")

    def add_seconds(self, count: float) -> "Moment":
        """Return the time `count` seconds later."""
        return self + timedelta(seconds=count)

    def add_minutes(self, count: float) -> "Moment":
        """Return the time `count` minutes later."""
        return self + timedelta(minutes=count)

    def add_hours(self, count: float) -> "Moment":
        """Return the time `count` hours later."""
        return self + timedelta(hours=count)

    def add_days(self, count: float) -> "Moment":
        """Return the time `count` days later."""
        return self + timedelta(days=count)

    def sub_days(self, count: float) -> "Moment":
        """Return the time `count` days earlier."""
        return self - timedelta(days=count)


def now() -> Moment:
    """Return the current time in UTC as a `datetime` that also has Carbon's methods."""
    moment = clock.now()
    return Moment.fromtimestamp(moment.timestamp(), UTC).replace(microsecond=moment.microsecond)
