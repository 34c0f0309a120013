"""When a resource has room for a line beside everything else that blocks it."""

from pooling.matching.compiled import inner
from pooling.matching.explaining.columns import (
    AFTER,
    BEFORE,
    BEGIN,
    BLOCKS_FROM,
    END,
    FREE_FROM,
    LINE,
    TAKEN,
    UNITS,
    Asked,
    Calendar,
    Window,
)

NO_START = 2**62


@inner
def window_of(asked: Asked, line: int) -> Window:
    """When a line may start, and what it takes."""
    return Window(
        line, asked.earliest[line], asked.latest[line], asked.step[line], asked.minutes[line], asked.units[line]
    )


@inner
def fullest(calendar: Calendar, resource: int, begin: int, end: int, line: int) -> tuple[int, int]:
    """The moment within a block at which most units are taken, the line's own not counted, and how many."""
    most, when = 0, begin
    for at in range(calendar.hosts[resource, BLOCKS_FROM], calendar.hosts[resource + 1, BLOCKS_FROM]):
        if calendar.blocks[at, BEGIN] >= end:
            break
        if calendar.blocks[at, END] > begin and calendar.blocks[at, LINE] != line:
            moment = max(begin, calendar.blocks[at, BEGIN])
            units = taken_at(calendar, resource, moment, line)
            if units > most:
                most, when = units, moment
    return when, most


@inner
def taken_at(calendar: Calendar, resource: int, moment: int, line: int) -> int:
    """Units taken at a moment, the line's own not counted."""
    units = 0
    for at in range(calendar.hosts[resource, BLOCKS_FROM], calendar.hosts[resource + 1, BLOCKS_FROM]):
        if calendar.blocks[at, BEGIN] > moment:
            break
        if calendar.blocks[at, END] > moment and calendar.blocks[at, LINE] != line:
            units += calendar.blocks[at, TAKEN]
    return units


@inner
def most_units(calendar: Calendar, window: Window, resource: int, start: int) -> int:
    """The units that the resource has left all the time, if the line starts then."""
    begin, end = start - calendar.hosts[resource, BEFORE], start + window.minutes + calendar.hosts[resource, AFTER]
    return calendar.hosts[resource, UNITS] - fullest(calendar, resource, begin, end, window.line)[1]


@inner
def starts_between(calendar: Calendar, window: Window, resource: int, period: int) -> tuple[int, int]:
    """The line's first and last start in a free period of the resource; the last is before the first if none."""
    opens, closes = calendar.free[period, 0], calendar.free[period, 1]
    return upward(opens, window.earliest, window.step), min(window.latest, closes - window.minutes)


@inner
def obstacle(calendar: Calendar, window: Window, resource: int, start: int) -> int:
    """The first moment at which the line, if it starts then, finds too few units left; `NO_START` if it has room.

    The resource has as many units as the line needs.
    """
    begin, end = start - calendar.hosts[resource, BEFORE], start + window.minutes + calendar.hosts[resource, AFTER]
    left = calendar.hosts[resource, UNITS] - window.units
    for at in range(calendar.hosts[resource, BLOCKS_FROM], calendar.hosts[resource + 1, BLOCKS_FROM]):
        if calendar.blocks[at, BEGIN] >= end:
            break
        if calendar.blocks[at, END] > begin and calendar.blocks[at, LINE] != window.line:
            moment = max(begin, calendar.blocks[at, BEGIN])
            if calendar.blocks[at, TAKEN] > left or taken_at(calendar, resource, moment, window.line) > left:
                return moment
    return NO_START


@inner
def start_from(calendar: Calendar, window: Window, resource: int, start: int, last: int) -> int:
    """The first start with room from this one on, in steps, up to the last; `NO_START` if there is none.

    A block that finds too few units at some moment has to begin after the first of those that take them ends.
    """
    while start <= last:
        moment = obstacle(calendar, window, resource, start)
        if moment == NO_START:
            return start
        ended = NO_START
        for at in range(calendar.hosts[resource, BLOCKS_FROM], calendar.hosts[resource + 1, BLOCKS_FROM]):
            if (
                calendar.blocks[at, BEGIN] <= moment < calendar.blocks[at, END]
                and calendar.blocks[at, LINE] != window.line
            ):
                ended = min(ended, calendar.blocks[at, END])
        start = upward(ended + calendar.hosts[resource, BEFORE], start, window.step)
    return NO_START


@inner
def first_start(calendar: Calendar, window: Window, resource: int) -> tuple[bool, int]:
    """Whether the line may start there at all by rule 5, and when it first has room (`NO_START`: never)."""
    free = False
    for period in range(calendar.hosts[resource, FREE_FROM], calendar.hosts[resource + 1, FREE_FROM]):
        first, last = starts_between(calendar, window, resource, period)
        if first <= last:
            free = True
            start = start_from(calendar, window, resource, first, last)
            if start != NO_START:
                return True, start
    return free, NO_START


@inner
def roomiest(calendar: Calendar, window: Window, resource: int) -> tuple[int, int]:
    """The most units, fewer than the line's, that are left all the time from one of its starts on, and that start."""
    most, when = 0, NO_START
    for period in range(calendar.hosts[resource, FREE_FROM], calendar.hosts[resource + 1, FREE_FROM]):
        first, last = starts_between(calendar, window, resource, period)
        for start in range(first, last + 1, window.step):
            left = min(window.units - 1, most_units(calendar, window, resource, start))
            if left > most:
                most, when = left, start
    return most, when


@inner
def next_start(calendar: Calendar, window: Window, resource: int, within: int) -> int:
    """The first start after the line's window, on its step, with room, less than so many minutes after it.

    `NO_START` if there is none.
    """
    for period in range(calendar.hosts[resource, FREE_FROM], calendar.hosts[resource + 1, FREE_FROM]):
        start = upward(calendar.free[period, 0], window.latest + window.step, window.step)
        if start - window.latest >= within:
            break
        last = min(calendar.free[period, 1] - window.minutes, window.latest + within - 1)
        found = start_from(calendar, window, resource, start, last)
        if found != NO_START:
            return found
    return NO_START


@inner
def upward(time: int, start: int, step: int) -> int:
    """The first start from this one on, in steps, that isn't before a time."""
    return start if time <= start else start - (start - time) // step * step


@inner
def previous_start(calendar: Calendar, window: Window, resource: int, within: int) -> int:
    """The last start before the line's window, on its step, with room, less than so many minutes before it.

    `NO_START` if there is none. A block that finds too few units at some moment has to end before the last of those
    that take them begins.
    """
    minutes, step = window.minutes, window.step
    after = calendar.hosts[resource, AFTER]
    for period in range(calendar.hosts[resource + 1, FREE_FROM] - 1, calendar.hosts[resource, FREE_FROM] - 1, -1):
        start = downward(calendar.free[period, 1] - minutes, window.earliest - step, step)
        if window.earliest - start >= within:
            break
        while start >= calendar.free[period, 0] and window.earliest - start < within:
            moment = obstacle(calendar, window, resource, start)
            if moment == NO_START:
                return start
            begun = -NO_START
            for at in range(calendar.hosts[resource, BLOCKS_FROM], calendar.hosts[resource + 1, BLOCKS_FROM]):
                if (
                    calendar.blocks[at, BEGIN] <= moment < calendar.blocks[at, END]
                    and calendar.blocks[at, LINE] != window.line
                ):
                    begun = max(begun, calendar.blocks[at, BEGIN])
            start = downward(begun - minutes - after, start, step)
    return NO_START


@inner
def downward(time: int, start: int, step: int) -> int:
    """The last start up to this one, in steps, that isn't after a time."""
    return start if time >= start else start + (time - start) // step * step
