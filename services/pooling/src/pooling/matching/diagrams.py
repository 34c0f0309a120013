"""All that a resource can do, as a decision diagram: what is placed on it so far, then one placement taken or skipped.

Placements come in order of their start. A node is a placement that fits beside what is still active, and that state:
the end of the block of each unit in use, and its line while that may come again, as no line is placed twice at a time.
Equal states are one node, so a resource of one unit has a node for each
placement (the recursion of weighted interval scheduling), and one of several units has as many as its states. Every
path is a schedule that respects the units at every minute; the best schedule for any prices is the longest path. See
Bergman, Cire, van Hoeve and Hooker, "Decision Diagrams for Optimization" (2016).
"""

import numpy as np

from pooling.matching.compiled import NEVER, NONE, Ints, Shorts, compiled, inner

FREE = -(2**62)
EARLY, HOPELESS = 10, 2
"""Beyond a tenth of the nodes that there may be, a diagram is given up if twice as many seem to come in the end."""


@compiled
def single(begin: Ints, end: Ints, offset: int, skip: Shorts, take: Shorts) -> None:
    """The diagram of a resource on which any two blocks that overlap exclude each other; nodes from `offset` on."""
    size = len(begin)
    for node in range(size):
        skip[offset + node] = offset + node + 1
        take[offset + node] = offset + np.searchsorted(begin, end[node])


@compiled
def several(
    begin: Ints, end: Ints, units: Ints, line: Ints, capacity: int, busy: Ints, most: int
) -> tuple[int, Shorts, Shorts, Shorts]:
    """The diagram of a resource of several units: its size, and each node's placement, skip and take.

    The size is `NONE` if it would have more than `most` nodes. `line` is by placement, from 0 on; so are times, which
    may be numbers of moments instead of minutes. `busy` has rows (begin, end, units), blocks already. The terminal is
    numbered as the size.
    """
    size, layer, skip, take = explored(begin, end, units, line, capacity, busy, most)
    if size == NONE:
        return NONE, skip, skip, take
    rank = ranked(layer[:size], len(begin))
    place, after_skip, after_take = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int32)
    for node in range(size):
        place[rank[node]] = layer[node]
        after_skip[rank[node]] = size if skip[node] == NONE else rank[skip[node]]
        after_take[rank[node]] = size if take[node] == NONE else rank[take[node]]
    return size, place, after_skip, after_take


@inner
def ranked(layer: Shorts, layers: int) -> Shorts:
    """Each node's rank when they are sorted by layer, those of a layer as they come."""
    after = np.zeros(layers + 1, np.int32)
    for at in layer:
        after[at + 1] += 1
    after = np.cumsum(after).astype(np.int32)
    rank = np.empty(len(layer), np.int32)
    for node in range(len(layer)):
        rank[node] = after[layer[node]]
        after[layer[node]] += 1
    return rank


@inner
def explored(
    begin: Ints, end: Ints, units: Ints, line: Ints, capacity: int, busy: Ints, most: int
) -> tuple[int, Shorts, Shorts, Shorts]:
    """Every node that can be reached, in no particular order: size, layer (its placement), skip, take."""
    marks = line.max() + 2
    tag, last = tags(begin, end, line, marks)
    layer, state = np.empty(most + 2, np.int32), np.empty((most + 2, capacity), np.int64)
    skip, take = np.empty(most + 2, np.int32), np.empty(most + 2, np.int32)
    following, head = np.empty(most + 2, np.int32), np.full(len(begin) + 1, NONE, np.int32)
    buckets = np.full(bucket_count(most), NONE, np.int32)
    work = np.full(capacity, FREE, np.int64)
    size = reach(0, work, 0, begin, end, units, line, last, marks, busy, layer, state, following, head, buckets)[1]
    for at in range(len(begin)):
        if size > most // EARLY and size * len(begin) > HOPELESS * most * (at + 1):
            return NONE, layer, skip, take
        node = head[at]
        while node != NONE:
            if size + 2 > most:
                return NONE, layer, skip, take
            work[:] = state[node]
            skip[node], size = reach(
                at + 1, work, size, begin, end, units, line, last, marks, busy, layer, state, following, head, buckets
            )
            work[:] = state[node]
            occupy(work, end[at] * marks + tag[at], units[at])
            take[node], size = reach(
                at + 1, work, size, begin, end, units, line, last, marks, busy, layer, state, following, head, buckets
            )
            node = following[node]
    return size, layer, skip, take


@inner
def tags(begin: Ints, end: Ints, line: Ints, marks: int) -> tuple[Ints, Ints]:
    """By placement its line's tag, or 0 if the line can't begin again within the block; by tag, the last placement."""
    last = np.full(marks, NONE, np.int64)
    tag = np.zeros(len(begin), np.int64)
    following = np.full(marks, NEVER, np.int64)
    for at in range(len(begin) - 1, -1, -1):
        own = line[at] + 1
        if following[own] < end[at]:
            tag[at] = own
        following[own] = begin[at]
        last[own] = max(last[own], at)
    return tag, last


@inner
def bucket_count(most: int) -> int:
    """A power of two, twice the nodes that there may be."""
    size = 64
    while size < 2 * most:
        size *= 2
    return size


@inner
def occupy(state: Ints, entry: int, units: int) -> None:
    """Adds a block to a state, which stays sorted, latest end first; its last entries are free units."""
    for _ in range(units):
        at = len(state) - 1
        while at > 0 and state[at - 1] < entry:
            state[at] = state[at - 1]
            at -= 1
        state[at] = entry


@inner
def reach(
    at: int, work: Ints, size: int, begin: Ints, end: Ints, units: Ints, line: Ints, last: Ints, marks: int, busy: Ints,
    layer: Shorts, state: Ints, following: Shorts, head: Shorts, buckets: Shorts,
) -> tuple[int, int]:  # fmt: skip
    """The node of the first placement from `at` on that fits beside the state (`NONE`: none does), and the new size."""
    used = 0
    now = NONE
    while at < len(begin):
        if begin[at] != now:
            now = begin[at]
            used = active(work, now, marks)
        roomy = used + units[at] <= len(work) and not tagged(work, used, line[at] + 1, marks)
        if roomy and (not len(busy) or fits(work, begin[at], end[at], units[at], marks, busy)):
            break
        at += 1
    if at == len(begin):
        return NONE, size
    work[used:] = FREE
    untag(work, used, at, last, marks)
    bucket = hashed(at, work, used) & (len(buckets) - 1)
    while buckets[bucket] != NONE:
        node = buckets[bucket]
        if layer[node] == at and same(state[node], work):
            return node, size
        bucket = (bucket + 1) & (len(buckets) - 1)
    buckets[bucket] = size
    layer[size] = at
    state[size] = work
    following[size] = head[at]
    head[at] = size
    return size, size + 1


@inner
def tagged(state: Ints, used: int, tag: int, marks: int) -> bool:
    """Whether a block of this line is open."""
    for at in range(used):  # noqa: SIM110 - numba has no generators here
        if state[at] % marks == tag:
            return True
    return False


@inner
def untag(state: Ints, used: int, now: int, last: Ints, marks: int) -> None:
    """Forgets whose blocks are open where the line can't come again."""
    for at in range(used):
        tag = state[at] % marks
        if tag and last[tag] < now:
            state[at] -= tag
    for at in range(1, used):
        entry = state[at]
        before = at
        while before > 0 and state[before - 1] < entry:
            state[before] = state[before - 1]
            before -= 1
        state[before] = entry


@inner
def fits(state: Ints, begin: int, end: int, units: int, marks: int, busy: Ints) -> bool:
    """Whether a block fits beside what is active and busy, at its begin and wherever a busy block begins within it."""
    if active(state, begin, marks) + blocked(busy, begin) + units > len(state):
        return False
    for period in range(len(busy)):
        moment = busy[period, 0]
        if begin < moment < end and active(state, moment, marks) + blocked(busy, moment) + units > len(state):
            return False
    return True


@inner
def active(state: Ints, moment: int, marks: int) -> int:
    """Units whose block ends after a moment."""
    count = 0
    while count < len(state) and state[count] >= (moment + 1) * marks:
        count += 1
    return count


@inner
def blocked(busy: Ints, moment: int) -> int:
    """Units that are busy at a moment."""
    units = 0
    for period in range(len(busy)):
        if busy[period, 0] <= moment < busy[period, 1]:
            units += busy[period, 2]
    return units


@inner
def hashed(at: int, state: Ints, used: int) -> int:
    """A number to spread states over buckets (Fowler, Noll and Vo's multiplication)."""
    key = np.uint64(at) ^ np.uint64(14695981039346656037)
    for unit in range(used):
        key = (key ^ np.uint64(state[unit])) * np.uint64(1099511628211)
        key ^= key >> np.uint64(29)
    return np.int64(key >> np.uint64(2))  # type: ignore[return-value]


@inner
def same(one: Ints, other: Ints) -> bool:
    """Whether two states are equal."""
    for at in range(len(one)):  # noqa: SIM110 - numba has no generators here
        if one[at] != other[at]:
            return False
    return True
