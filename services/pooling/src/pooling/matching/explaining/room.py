"""When a resource has room for a line beside everything else that blocks it."""

from pooling.matching.compiled import inner
from pooling.matching.explaining.columns import Asked, Calendar, Window

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
    for at in range(calendar.blocks_from[resource], calendar.blocks_from[resource + 1]):
        if calendar.begin[at] >= end:
            break
        if calendar.end[at] > begin and calendar.line[at] != line:
            moment = max(begin, calendar.begin[at])
            units = taken_at(calendar, resource, moment, line)
            if units > most:
                most, when = units, moment
    return when, most


@inner
def taken_at(calendar: Calendar, resource: int, moment: int, line: int) -> int:
    """Units taken at a moment, the line's own not counted."""
    units = 0
    for at in range(calendar.blocks_from[resource], calendar.blocks_from[resource + 1]):
        if calendar.begin[at] > moment:
            break
        if calendar.end[at] > moment and calendar.line[at] != line:
            units += calendar.taken[at]
    return units


@inner
def most_units(calendar: Calendar, window: Window, resource: int, start: int) -> int:
    """The units that the resource has left all the time, if the line starts then."""
    begin, end = start - calendar.before[resource], start + window.minutes + calendar.after[resource]
    return calendar.units[resource] - fullest(calendar, resource, begin, end, window.line)[1]


@inner
def starts_between(calendar: Calendar, window: Window, resource: int, period: int) -> tuple[int, int]:
    """The line's first and last start in a free period of the resource; the last is before the first if none."""
    opens, closes = calendar.free[period, 0], calendar.free[period, 1]
    skipped = max(0, -((window.earliest - opens) // window.step))
    return (
        window.earliest + skipped * window.step,
        min(window.latest, closes - window.minutes),
    )


@inner
def first_start(calendar: Calendar, window: Window, resource: int, units: int) -> tuple[bool, int]:
    """Whether the line may start there at all by rule 5, and when first so many units are left (`NO_START`: not)."""
    free = False
    for period in range(calendar.free_from[resource], calendar.free_from[resource + 1]):
        first, last = starts_between(calendar, window, resource, period)
        for start in range(first, last + 1, window.step):
            free = True
            if most_units(calendar, window, resource, start) >= units:
                return True, start
    return free, NO_START


@inner
def roomiest(calendar: Calendar, window: Window, resource: int) -> tuple[int, int]:
    """The most units, fewer than the line's, that are left all the time from one of its starts on, and that start."""
    most, when = 0, NO_START
    for period in range(calendar.free_from[resource], calendar.free_from[resource + 1]):
        first, last = starts_between(calendar, window, resource, period)
        for start in range(first, last + 1, window.step):
            left = min(window.units - 1, most_units(calendar, window, resource, start))
            if left > most:
                most, when = left, start
    return most, when


@inner
def next_start(calendar: Calendar, window: Window, resource: int) -> int:
    """The first start after the line's window, on its step, with room; `NO_START` if there is none.

    A block that meets too many units at some moment has to begin after the first of those ends.
    """
    minutes, step = window.minutes, window.step
    before, after = calendar.before[resource], calendar.after[resource]
    for period in range(calendar.free_from[resource], calendar.free_from[resource + 1]):
        start = upward(calendar.free[period, 0], window.latest + step, step)
        while start + minutes <= calendar.free[period, 1]:
            moment, taken = fullest(calendar, resource, start - before, start + minutes + after, window.line)
            if taken + window.units <= calendar.units[resource]:
                return start
            ended = NO_START
            for at in range(calendar.blocks_from[resource], calendar.blocks_from[resource + 1]):
                if calendar.begin[at] <= moment < calendar.end[at]:
                    ended = min(ended, calendar.end[at])
            start = upward(ended + before, start, step)
    return NO_START


@inner
def upward(time: int, start: int, step: int) -> int:
    """The first start from this one on, in steps, that isn't before a time."""
    return start + max(0, -((start - time) // step)) * step


@inner
def previous_start(calendar: Calendar, window: Window, resource: int) -> int:
    """The last start before the line's window, on its step, with room; `NO_START` if there is none.

    A block that meets too many units at some moment has to end before the last of those begins.
    """
    minutes, step = window.minutes, window.step
    before, after = calendar.before[resource], calendar.after[resource]
    for period in range(calendar.free_from[resource + 1] - 1, calendar.free_from[resource] - 1, -1):
        start = downward(calendar.free[period, 1] - minutes, window.earliest - step, step)
        while start >= calendar.free[period, 0]:
            moment, taken = fullest(calendar, resource, start - before, start + minutes + after, window.line)
            if taken + window.units <= calendar.units[resource]:
                return start
            begun = -NO_START
            for at in range(calendar.blocks_from[resource], calendar.blocks_from[resource + 1]):
                if calendar.begin[at] <= moment < calendar.end[at]:
                    begun = max(begun, calendar.begin[at])
            start = downward(begun - minutes - after, start, step)
    return NO_START


@inner
def downward(time: int, start: int, step: int) -> int:
    """The last start up to this one, in steps, that isn't after a time."""
    return start - max(0, -((time - start) // step)) * step
