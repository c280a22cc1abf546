"""Prepare a series of hours or days for the chart templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..services.statistics import Slot


@dataclass(frozen=True, slots=True)
class Chart:
    """A series of slots over a span."""

    slots: Sequence[Slot]
    span: str

    @property
    def means(self) -> list[int]:
        """Return the mean response times that are known."""
        return [slot.mean for slot in self.slots if slot.mean is not None]

    @property
    def values(self) -> list[int]:
        """Return the mean response time of each slot, 0 if unknown."""
        return [slot.mean or 0 for slot in self.slots]

    @property
    def segments(self) -> list[tuple[int, int]]:
        """Return start and end of each run of known means; gaps between them are not drawn."""
        segments: list[tuple[int, int]] = []
        for index, slot in enumerate(self.slots):
            if slot.mean is None:
                continue
            if segments and segments[-1][1] == index:
                segments[-1] = (segments[-1][0], index + 1)
            else:
                segments.append((index, index + 1))
        return segments

    @property
    def ticks(self) -> list[Slot]:
        """Return the slots to label on the axis."""
        count = len(self.slots)
        return [self.slots[index] for index in (0, count // 4, count // 2, count * 3 // 4)]

    @property
    def up(self) -> int:
        """Return the number of results that were up."""
        return sum(slot.up for slot in self.slots)

    @property
    def down(self) -> int:
        """Return the number of results that were down."""
        return sum(slot.down for slot in self.slots)
