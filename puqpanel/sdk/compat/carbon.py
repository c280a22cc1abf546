"""Moments as modules handle them: aware datetimes in UTC with the few methods that the
contract's texts call.
"""

from datetime import UTC, datetime, timedelta

from puqpanel.host.contract.names import bind
from puqpanel.infra import clock


@bind
class Moment(datetime):
    """A datetime; arithmetic gives Moments again."""

    def to_iso_string(self) -> str:
        """`2026-11-21T08:00:00.000000Z`."""
        return self.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def to_date_time_string(self) -> str:
        """`2026-11-21 08:00:00`."""
        return self.strftime("%Y-%m-%d %H:%M:%S")

    def add_seconds(self, count: float) -> "Moment":
        """So many seconds later."""
        return self + timedelta(seconds=count)

    def add_minutes(self, count: float) -> "Moment":
        """So many minutes later."""
        return self + timedelta(minutes=count)

    def add_hours(self, count: float) -> "Moment":
        """So many hours later."""
        return self + timedelta(hours=count)

    def add_days(self, count: float) -> "Moment":
        """So many days later."""
        return self + timedelta(days=count)

    def sub_days(self, count: float) -> "Moment":
        """So many days earlier."""
        return self - timedelta(days=count)


def now() -> Moment:
    """This moment, in UTC, by the panel's clock."""
    moment = clock.now()
    return Moment.fromtimestamp(moment.timestamp(), UTC).replace(microsecond=moment.microsecond)
