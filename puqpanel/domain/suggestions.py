"""Find the nearest valid name, for “Did you mean …?” suggestions."""

from __future__ import annotations

from collections.abc import Iterable


def distance(one: str, other: str) -> int:
    """Return the optimal string alignment distance.

    It counts insertions, deletions, substitutions and swaps of adjacent characters.
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, right in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right)))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                row[j] = min(row[j], earlier[j - 2] + 1)
    return row[-1]


def nearest(name: str, names: Iterable[str], share: float = 0.34) -> str:
    """Return the name that was probably meant; empty if none is close.

    Args:
        name: what was written.
        names: the valid names; the first of equally close ones is returned.
        share: how much of the longer name may differ.
    """
    best, least = "", 1.0
    for valid in names:
        longest = max(len(name), len(valid), 1)
        if abs(len(name) - len(valid)) > share * longest:
            continue
        found = distance(name.lower(), valid.lower())
        if found <= max(1, share * longest) and found < longest and found / longest < least:
            best, least = valid, found / longest
    return best


def did_you_mean(near: str) -> str:
    """Return the question with a leading space; empty without a suggestion."""
    return f" Did you mean {near}?" if near else ""
