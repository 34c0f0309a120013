"""The prices that prove the bound, by the names of the problem."""

import numpy as np

from pooling.matching.board import Board
from pooling.matching.bounding import Quote
from pooling.matching.compiling import Compiled
from pooling.matching.problem import SCALE, Prices
from pooling.matching.starts import ANY, Lacking

ByLine = dict[str, int | dict[int, int]]


def certificate(problem: Compiled, board: Board, lacking: Lacking, quote: Quote) -> Prices:
    """The quote by name.

    Starts that a bundle can't use get prices at which nobody wants them and nothing is paid back.
    """
    lines: ByLine = {}
    for request in range(len(board.together)):
        members = range(int(board.requests_from[request]), int(board.requests_from[request + 1]))
        if board.same_start[request]:
            lines |= by_start(problem, board, members, lacking.get(request, {}), quote)
        elif request in lacking:
            lines |= forbidden(problem, members, lacking[request][ANY])
        else:
            lines |= {problem.lines[line].id: int(quote.lines[board.prices_from[line]]) for line in members}
    return Prices(lines, tuple(int(price) for price in quote.limits), by_moment(problem, board, quote))


def by_moment(problem: Compiled, board: Board, quote: Quote) -> dict[str, tuple[tuple[int, int], ...]]:
    """The prices of the moments of each resource that has some."""
    found = {}
    for resource in np.flatnonzero(~board.exact):
        own = slice(board.moments_from[resource], board.moments_from[resource + 1])
        priced = zip(board.moment[own].tolist(), quote.moments[own].tolist(), strict=True)
        found[problem.problem.resources[resource].id] = tuple((minute, price) for minute, price in priced if price)
    return found


def by_start(
    problem: Compiled, board: Board, members: range, lack: dict[int | None, int], quote: Quote
) -> dict[str, int | dict[int, int]]:
    """The prices of a bundle with one start."""
    found: dict[str, dict[int, int]] = {problem.lines[line].id: {} for line in members}
    for line in members:
        own = slice(board.prices_from[line], board.prices_from[line + 1])
        priced = zip(board.price_start[own].tolist(), quote.lines[own].tolist(), strict=True)
        found[problem.lines[line].id].update(priced)
    for start, lacks in lack.items():
        if start is not ANY:
            for name, price in forbidden(problem, members, lacks).items():
                found[name][start] = price
    return {name: in_window(problem, line, found[name]) for line, name in named(problem, members)}


def named(problem: Compiled, members: range) -> list[tuple[int, str]]:
    """Lines and their names."""
    return [(line, problem.lines[line].id) for line in members]


def in_window(problem: Compiled, line: int, prices: dict[int, int]) -> dict[int, int]:
    """The prices of starts that a line may have at all."""
    needs = problem.needs
    window = range(int(needs.earliest[line]), int(needs.latest[line]) + 1, int(needs.step[line]))
    return {start: price for start, price in sorted(prices.items()) if start in window}


def forbidden(problem: Compiled, members: range, lacks: int) -> dict[str, int]:
    """Prices that no placement is worth, but that sum to nothing: the line without a placement pays for the others."""
    most = {name: highest(problem, line) for line, name in named(problem, members)}
    if lacks in members:
        name = problem.lines[lacks].id
        most[name] = -sum(price for other, price in most.items() if other != name)
    return most


def highest(problem: Compiled, line: int) -> int:
    """A score that no placement of a line exceeds."""
    asked = problem.lines[line]
    return SCALE * max(0, asked.value + sum(asked.prefers.values()) + problem.problem.stability)
