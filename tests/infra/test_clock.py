"""The clock, and the time that sample data sets it to."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

from puqpanel.infra import clock


def test_the_clock_stands_still_at_a_time_in_utc() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    others: list[datetime] = []
    with clock.at(noon):
        assert clock.now() == noon
        assert clock.now().tzinfo is UTC
        with clock.at(noon + timedelta(days=1)):
            assert clock.now() - noon == timedelta(days=1)
        assert clock.now() == noon
        thread = threading.Thread(target=lambda: others.append(clock.now()))
        thread.start()
        thread.join()
    assert others[0] > noon, "other threads keep the present time"
    assert datetime.now(UTC) - clock.now() < timedelta(seconds=60)
