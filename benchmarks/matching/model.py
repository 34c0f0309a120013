"""A problem as an integer programme, for the peers: a column per placement, a row per clique of each resource.

A row stands for each largest set of placements that are on a resource at one minute, so that with one unit each the
rows are the cliques of an interval graph, and a resource's schedules alone have whole corners.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.arcs import FAR, Arcs, Real, arcs_of, keyed, ranges
from benchmarks.matching.chance import Whole
from pooling.matching.problem import Problem


@dataclass(frozen=True, slots=True)
class Rows:
    """Sparse rows: entries of row i are at `edges[i]` to `edges[i + 1]`; each sum is between `low` and `high`."""

    edges: Whole
    column: Whole
    weight: Whole
    low: Real
    high: Real


@dataclass(frozen=True, slots=True)
class Model:
    """Placements, what they block, how they hang together, and the rows over them and over opened resources.

    Columns are the placements, then the resources that cost something to open; `score` is their objective, to which
    `constant` is added. `request` is by line, `together` and `same_start` are by request, `limit` is a line's limit
    or -1 (in these problems a line has one at most), `opening` and `units` are by resource, `blocks` has first and end.
    """

    line: Whole
    resource: Whole
    start: Whole
    score: Whole
    blocks: Whole
    asked: Whole
    request: Whole
    together: NDArray[np.bool_]
    same_start: NDArray[np.bool_]
    limit: Whole
    at_most: Whole
    units: Whole
    opening: Whole
    busy: Whole
    constant: Whole
    edges: Whole
    column: Whole
    weight: Whole
    low: Real
    high: Real

    @property
    def placements(self) -> int:
        """How many columns are placements."""
        return len(self.line)


def model_of(problem: Problem) -> Model:
    """The integer programme of a problem."""
    arcs = arcs_of(problem)
    bare = _bare(problem, arcs)
    tight = _capacity(bare)
    full = np.unique(tight.column[(tight.column >= 0) & (tight.weight > np.repeat(tight.high, np.diff(tight.edges)))])
    bare = _bare(problem, arcs.where(~np.isin(np.arange(len(arcs.line)), full)))
    openings = np.flatnonzero(bare.opening)
    rows = _joined(_once(bare), _opened(bare, _capacity(bare), openings), _bundled(bare), _limited(bare))
    return replace(
        bare, score=np.concatenate([bare.score, -bare.opening[openings]]), edges=rows.edges, column=rows.column,
        weight=rows.weight, low=rows.low, high=rows.high,
    )  # fmt: skip


def _bare(problem: Problem, arcs: Arcs) -> Model:
    """The model without its rows."""
    lines = [line for request in problem.requests for line in request.lines]
    index = {resource.id: at for at, resource in enumerate(problem.resources)}
    buffers = np.array([each.buffer for each in problem.resources], np.int64).reshape(-1, 2)
    minutes = np.array([line.minutes for line in lines], np.int64)
    blocks = np.stack(
        [arcs.start - buffers[arcs.resource, 0], arcs.start + minutes[arcs.line] + buffers[arcs.resource, 1]]
    )
    limits = {line: at for at, limit in enumerate(problem.limits) for line in limit.lines}
    busy = [
        (
            index[each.resource],
            each.start - buffers[index[each.resource], 0],
            each.end + buffers[index[each.resource], 1],
            each.units,
        )
        for each in problem.busy
    ]
    none = np.zeros(0, np.int64)
    asked = np.array([line.units for line in lines], np.int64)
    return Model(
        arcs.line, arcs.resource, arcs.start, arcs.score, blocks, asked[arcs.line],
        np.repeat(np.arange(len(problem.requests)), [len(request.lines) for request in problem.requests]),
        np.array([request.together for request in problem.requests], np.bool_),
        np.array([request.same_start for request in problem.requests], np.bool_),
        np.array([limits.get(line.id, -1) for line in lines], np.int64),
        np.array([limit.at_most for limit in problem.limits], np.int64),
        np.array([each.units for each in problem.resources], np.int64),
        np.array([each.opening for each in problem.resources], np.int64),
        np.array(busy, np.int64).reshape(-1, 4),
        np.array([-problem.stability * sum(line.current is not None for line in lines)], np.int64),
        none, none, none, none.astype(float), none.astype(float),
    )  # fmt: skip


def _capacity(model: Model) -> Rows:
    """Rows of the largest sets at one minute; of busy periods, only what they leave."""
    column = np.concatenate([np.arange(model.placements), np.full(len(model.busy), -1)])
    owner = np.concatenate([model.resource, model.busy[:, 0]])
    first, end = (np.concatenate([model.blocks[side], model.busy[:, 1 + side]]) for side in (0, 1))
    units = np.concatenate([model.asked, model.busy[:, 3]])
    moments = np.unique(keyed(owner, first))
    begin, over = np.searchsorted(moments, keyed(owner, first)), np.searchsorted(moments, keyed(owner, end))
    item, moment = np.repeat(np.arange(len(owner)), over - begin), ranges(begin, over - begin)
    largest = np.isin(moment, np.unique(over - 1))
    item, moment = item[largest], moment[largest]
    held, taken = column[item] >= 0, np.zeros(len(moments), np.int64)
    np.add.at(taken, moment[~held], units[item[~held]])
    kept, row = np.unique(moment[held], return_inverse=True)
    high = np.maximum(0, model.units[moments[kept] // FAR] - taken[kept])
    return _sorted(row, column[item[held]], units[item[held]], np.full(len(kept), -np.inf), high.astype(float))


def _sorted(row: Whole, column: Whole, weight: Whole, low: Real, high: Real) -> Rows:
    order = np.lexsort((column, row))
    edges = np.searchsorted(row[order], np.arange(len(high) + 1))
    return Rows(edges, column[order], weight[order], low, high)


def _once(model: Model) -> Rows:
    """A line is placed once at most."""
    lines, row = np.unique(model.line, return_inverse=True)
    one = np.ones(len(lines))
    return _sorted(row, np.arange(model.placements), np.ones_like(row), -np.inf * one, one)


def _opened(model: Model, rows: Rows, openings: Whole) -> Rows:
    """Rows of a resource that costs something hold only once that is paid; rows that always hold are left out."""
    owner = model.resource[rows.column[rows.edges[:-1]]] if len(rows.high) else rows.edges[:0]
    at = np.full(len(model.units), -1, np.int64)
    at[openings] = model.placements + np.arange(len(openings))
    paid = at[owner] >= 0
    row = np.repeat(np.arange(len(rows.high)), np.diff(rows.edges))
    needed = paid | (np.add.reduceat(rows.weight, rows.edges[:-1]) > rows.high) if len(rows.high) else paid
    row = np.concatenate([row, np.flatnonzero(paid)])
    column = np.concatenate([rows.column, at[owner[paid]]])
    weight = np.concatenate([rows.weight, -rows.high[paid].astype(np.int64)])
    kept, renamed = np.unique(row[needed[row]], return_inverse=True)
    high = np.where(paid, 0, rows.high)[kept]
    return _sorted(renamed, column[needed[row]], weight[needed[row]], np.full(len(kept), -np.inf), high)


def _bundled(model: Model) -> Rows:
    """The first line of a bundle is placed as often as each other one: at each start, or all in all."""
    firsts = np.searchsorted(model.request, np.arange(len(model.together)))
    sizes = np.diff(np.append(firsts, len(model.request)))
    request = model.request[model.line]
    inside = np.flatnonzero(model.together[request] & (sizes[request] > 1))
    request, place = request[inside], model.line[inside] - firsts[request[inside]]
    key = keyed(request, np.where(model.same_start[request], model.start[inside], 0))
    leads = np.where(place == 0, sizes[request] - 1, 1)
    arc = np.repeat(np.arange(len(inside)), leads)
    other = np.where(place[arc] == 0, 1 + ranges(np.zeros_like(leads), leads), place[arc])
    _, row = np.unique(key[arc] * 64 + other, return_inverse=True) if len(arc) else (arc, arc)
    none = np.zeros(int(row.max()) + 1 if len(row) else 0)
    return _sorted(row, inside[arc], np.where(place[arc] == 0, 1, -1), none, none)


def _limited(model: Model) -> Rows:
    """At most so many of the lines of a limit."""
    limit = model.limit[model.line]
    inside = np.flatnonzero(limit >= 0)
    kept, row = np.unique(limit[inside], return_inverse=True)
    return _sorted(row, inside, np.ones_like(inside), np.full(len(kept), -np.inf), model.at_most[kept].astype(float))


def _joined(*parts: Rows) -> Rows:
    offsets = np.cumsum([0] + [len(part.column) for part in parts])
    edges = [part.edges[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    return Rows(
        np.concatenate([*edges, offsets[-1:]]),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("column", "weight", "low", "high")),
    )


def save(model: Model, file: Path) -> None:
    """Write the model's arrays."""
    np.savez(file, **{field.name: getattr(model, field.name) for field in fields(model)})


def load(file: Path) -> Model:
    """The model that was written."""
    with np.load(file) as arrays:
        return Model(**arrays)
