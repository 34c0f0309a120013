"""Periods in the one form that everybody may rely on."""

from collections.abc import Iterable

Period = tuple[int, int]


def merged(periods: Iterable[Period]) -> tuple[Period, ...]:
    """The same minutes as sorted periods that neither overlap nor touch; empty periods are gone."""
    found: list[Period] = []
    for start, end in sorted(period for period in periods if period[0] < period[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return tuple(found)
