"""Placing request after request, as well as it still can be: the peer that everybody has, and what rounds an LP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.matching.arcs import Real
from benchmarks.matching.chance import Whole
from benchmarks.matching.model import Model

Block = tuple[int, int, int]
"""First minute, end, units."""


@dataclass(slots=True)
class Board:
    """A model as lists, and what is placed so far."""

    model: Model
    resource: list[int]
    first: list[int]
    end: list[int]
    asked: list[int]
    score: list[int]
    line: list[int]
    start: list[int]
    units: list[int]
    opening: list[int]
    left: list[int]
    limit: list[int]
    taken: list[list[Block]]
    used: list[int]
    placed: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model) -> "Board":
        """A board with nothing but what is busy."""
        taken: list[list[Block]] = [[] for _ in model.units]
        for resource, first, end, units in model.busy.tolist():
            taken[resource].append((first, end, units))
        return cls(
            model, model.resource.tolist(), model.blocks[0].tolist(), model.blocks[1].tolist(), model.asked.tolist(),
            model.score.tolist(), model.line.tolist(), model.start.tolist(), model.units.tolist(),
            model.opening.tolist(), model.at_most.tolist(), model.limit.tolist(), taken, [0] * len(taken),
        )  # fmt: skip

    def gain(self, arc: int) -> int:
        """What placing it brings now."""
        resource = self.resource[arc]
        return self.score[arc] - (0 if self.used[resource] else self.opening[resource])

    def fits(self, arc: int) -> bool:
        """Whether rules 6 and 8 still allow it."""
        limit = self.limit[self.line[arc]]
        if limit >= 0 and not self.left[limit]:
            return False
        first, end, free = self.first[arc], self.end[arc], self.units[self.resource[arc]] - self.asked[arc]
        beside = [block for block in self.taken[self.resource[arc]] if block[0] < end and first < block[1]]
        if not beside:
            return True
        if free < min(block[2] for block in beside):
            return False
        moments = [first, *(block[0] for block in beside if block[0] > first)]
        return all(sum(units for begin, over, units in beside if begin <= at < over) <= free for at in moments)

    def put(self, arc: int) -> None:
        """Place it."""
        resource, limit = self.resource[arc], self.limit[self.line[arc]]
        self.taken[resource].append((self.first[arc], self.end[arc], self.asked[arc]))
        self.placed[self.line[arc]] = arc
        self.used[resource] += 1
        if limit >= 0:
            self.left[limit] -= 1

    def remove(self, arcs: Sequence[int]) -> None:
        """Take back what was placed last."""
        for arc in reversed(arcs):
            self.taken[self.resource[arc]].pop()
            del self.placed[self.line[arc]]
            if self.limit[self.line[arc]] >= 0:
                self.left[self.limit[self.line[arc]]] += 1
            self.used[self.resource[arc]] -= 1


def place(model: Model, order: Sequence[int], rank: Real | Whole) -> list[int]:
    """The placements that are chosen, when requests are taken in that order, and each takes what it ranks highest.

    What isn't ranked above 0 has its turn when all requests have had theirs.
    """
    board = Board.of(model)
    arcs = np.lexsort((-model.score[: model.placements], -rank, model.line))
    for turn in (arcs[rank[arcs] > 0], arcs[rank[arcs] <= 0]):
        _turn(board, order, turn, rank.tolist())
    return sorted(board.placed.values())


def _turn(board: Board, order: Sequence[int], arcs: Whole, rank: list[float]) -> None:
    """Place what is still unplaced, on these placements alone, which are sorted by line."""
    model, choices = board.model, arcs.tolist()
    lines = np.searchsorted(model.line[arcs], np.arange(len(model.request) + 1)).tolist()
    requests = np.searchsorted(model.request, np.arange(len(model.together) + 1)).tolist()
    together, same = model.together.tolist(), model.same_start.tolist()
    for request in order:
        mine = [
            choices[lines[at] : lines[at + 1]]
            for at in range(requests[request], requests[request + 1])
            if at not in board.placed
        ]
        if not together[request]:
            for each in mine:
                _best(board, each)
        elif mine:
            _bundle(board, _options(board, mine, rank) if same[request] else [mine])


def _best(board: Board, choices: Sequence[int]) -> None:
    """Place the first that brings something and fits."""
    for arc in choices:
        if board.gain(arc) > 0 and board.fits(arc):
            board.put(arc)
            return


def _options(board: Board, mine: list[list[int]], rank: list[float]) -> Iterator[list[list[int]]]:
    """A bundle's choices at each start that all of its lines have, the highest ranked first."""
    by_start: list[dict[int, list[int]]] = []
    for choices in mine:
        mapped: dict[int, list[int]] = {}
        for arc in choices:
            mapped.setdefault(board.start[arc], []).append(arc)
        by_start.append(mapped)
    common = set.intersection(*(set(mapped) for mapped in by_start))
    most = {start: sum(max(rank[arc] for arc in mapped[start]) for mapped in by_start) for start in common}
    for start in sorted(common, key=lambda each: (-most[each], each)):
        yield [mapped[start] for mapped in by_start]


def _bundle(board: Board, options: Iterator[list[list[int]]] | list[list[list[int]]]) -> None:
    """Place all lines of the first option that can be placed whole and brings something."""
    for mine in options:
        gained, done = 0, []
        for choices in mine:
            arc = next((arc for arc in choices if board.fits(arc)), None)
            if arc is None:
                break
            gained += board.gain(arc)
            board.put(arc)
            done.append(arc)
        if len(done) == len(mine) and gained > 0:
            return
        board.remove(done)


def first_come(model: Model) -> list[int]:
    """Requests in their order."""
    return place(model, range(len(model.together)), model.score[: model.placements])


def best_value(model: Model) -> list[int]:
    """Requests by what their lines could bring at best."""
    return place(model, by_worth(model, best(model)), model.score[: model.placements])


def best(model: Model) -> Whole:
    """By line the score of its best placement, 0 without one."""
    scores = np.zeros(len(model.request), np.int64)
    np.maximum.at(scores, model.line, model.score[: model.placements])
    return scores


def by_worth(model: Model, worth: Real | Whole) -> list[int]:
    """Requests by the worth of their lines, highest first."""
    return [int(request) for request in np.argsort(-np.bincount(model.request, worth), kind="stable")]


def value_of(model: Model, chosen: Sequence[int]) -> int:
    """The objective of placements that obey all rules, in cents."""
    arcs = np.array(chosen, np.int64)
    opened = np.unique(model.resource[arcs])
    return int(model.constant[0] + model.score[arcs].sum() - model.opening[opened].sum())
