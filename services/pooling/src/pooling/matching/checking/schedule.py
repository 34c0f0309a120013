"""The best that one resource can do alone, by an exact recursion over the starts of blocks."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pooling.matching.checking.times import Left

MOST_STATES = 100_000
"""Sets of blocks that may be open at one time; a resource that has more needs moments in the certificate."""


class TooManyStates(Exception):
    """The exact recursion would take too long on this resource."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A placement that one resource may take: its line, the block `[start, end)`, units, and what it earns net."""

    line: str
    start: int
    end: int
    units: int
    net: int


State = tuple[tuple[int, int, int], ...]
"""The open blocks, each its end, units, and the last choice of its line (`OVER`: none comes meanwhile), sorted."""
OVER = -1


def best_set(choices: Iterable[Choice], units: int, remaining: Left) -> int:
    """The most that a set of these placements can earn, no line's twice at a time; 0 for none.

    Each fits what is left if it is alone.

    Raises TooManyStates.
    """
    earning = sorted((each for each in choices if each.net > 0), key=lambda each: (each.start, each.end, each.units))
    return best_of_disjoint(earning) if units == 1 else best_of_shared(earning, remaining)


def best_of_disjoint(choices: list[Choice]) -> int:
    """Weighted interval scheduling: by their ends, each choice is taken after the best that ends before it, or not.

    Kleinberg and Tardos, Algorithm Design (2005), 6.1.
    """
    ends: list[int] = []
    best = [0]
    for choice in sorted(choices, key=lambda each: each.end):
        best.append(max(best[-1], best[bisect_right(ends, choice.start)] + choice.net))
        ends.append(choice.end)
    return best[-1]


def best_of_shared(choices: list[Choice], remaining: Left) -> int:
    """The same for several units: in the order of their starts, each is taken or not in every state of open blocks.

    What is taken later begins later, so whoever comes last to a minute sees all that is there. Units are counted only
    when a choice begins and when fewer are left than before; so blocks may end at the next such minute, and many states
    are one. Raises TooManyStates.
    """
    falls = remaining.falls()
    counted = sorted({*falls, *(choice.start for choice in choices), max((each.end for each in choices), default=0)})
    states: dict[State, int] = {(): 0}
    lasts, again = {choice.line: at for at, choice in enumerate(choices)}, _again(choices)
    for at, choice in enumerate(choices):
        states, last = _closed(states, choice.start, at), lasts[choice.line]
        spare = [(minute, remaining.at(minute) - choice.units) for minute in _asked(choice, falls)]
        taken = counted[bisect_left(counted, choice.end)], choice.units, last if again[at] else OVER
        for state, earned in list(states.items()):
            if all(of != last for _, _, of in state) and _fits(state, spare):
                after = tuple(sorted((*state, taken)))
                states[after] = max(states.get(after, 0), earned + choice.net)
        if len(states) > MOST_STATES:
            raise TooManyStates(f"more than {MOST_STATES} sets of blocks are open at minute {choice.start}")
    return max(states.values())


def _again(choices: list[Choice]) -> list[bool]:
    """By choice, whether its line may begin again before it ends: else it doesn't matter whose the block is."""
    found, following = [], dict[str, int]()
    for choice in reversed(choices):
        found.append(following.get(choice.line, choice.end) < choice.end)
        following[choice.line] = choice.start
    return found[::-1]


def _asked(choice: Choice, falls: list[int]) -> list[int]:
    """The minutes at which the choice needs room: its start, and when fewer units are left during its block."""
    return [choice.start, *falls[bisect_right(falls, choice.start) : bisect_left(falls, choice.end)]]


def _fits(state: State, spare: Sequence[tuple[int, int]]) -> bool:
    return all(sum(units for end, units, _ in state if end > minute) <= left for minute, left in spare)


def _closed(states: dict[State, int], now: int, at: int) -> dict[State, int]:
    """The states without the blocks that have ended; of those that become one, the best remains.

    Whose a block is doesn't matter when its line can't come any more.
    """
    found: dict[State, int] = {}
    for state, earned in states.items():
        open_ = (block for block in state if block[0] > now)
        still = tuple(sorted((end, units, last if last >= at else OVER) for end, units, last in open_))
        found[still] = max(found.get(still, 0), earned)
    return found
