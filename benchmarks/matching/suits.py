"""What hangs neither on place nor on money or time: poles, named resources, features, measures and units."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.chance import Whole
from pooling.matching.problem import Line, Resource


def suits(
    poles: Sequence[str], lines: Sequence[Line], resources: Sequence[Resource], line: Whole, resource: Whole
) -> NDArray[np.bool_]:
    """Whether rules 1 and 2 allow each pair."""
    names = {pole: 1 << at for at, pole in enumerate(sorted(set(poles)))}
    mine = np.array([names[pole] for pole in poles], np.int64)
    kept: NDArray[np.bool_] = (mine[line] & _bits(names, [each.poles for each in resources])[resource]) != 0
    names = _names(each.features for each in lines)
    missing = ~_bits(names, [each.features for each in resources])
    kept &= _bits(names, [each.features for each in lines])[line] & missing[resource] == 0
    asked, there = (np.array([each.units for each in side], np.int64) for side in (lines, resources))
    kept &= asked[line] <= there[resource]
    for measure in sorted({name for each in lines for name in each.at_least}):
        least = np.array([each.at_least.get(measure, -np.inf) for each in lines])
        size = np.array([each.measures.get(measure, -np.inf) for each in resources])
        kept &= size[resource] >= least[line]
    return kept & _named(lines, resources, line, resource)


def bonus(lines: Sequence[Line], resources: Sequence[Resource], line: Whole, resource: Whole) -> Whole:
    """Cents for each pair, of the preferred features that the resource has."""
    names = _names(each.prefers for each in lines)
    having = _bits(names, [each.features for each in resources])
    cents = np.zeros(len(line), np.int64)
    for name, bit in names.items():
        liked = np.array([each.prefers.get(name, 0) for each in lines], np.int64)
        cents += np.where(having[resource] & bit != 0, liked[line], 0)
    return cents


def _names(sets: Iterable[Collection[str]]) -> dict[str, int]:
    """A bit for each name."""
    return {name: 1 << at for at, name in enumerate(sorted({name for each in sets for name in each}))}


def _bits(names: dict[str, int], sets: Sequence[Collection[str]]) -> Whole:
    return np.array([sum(names.get(name, 0) for name in set(each)) for each in sets], np.int64)


def _named(lines: Sequence[Line], resources: Sequence[Resource], line: Whole, resource: Whole) -> NDArray[np.bool_]:
    """Whether the line names no resources, or this one among others."""
    index = {each.id: at for at, each in enumerate(resources)}
    wide = len(resources)
    named = np.array([each.only is not None for each in lines], np.bool_)
    pairs = [at * wide + index[name] for at, each in enumerate(lines) for name in each.only or ()]
    inside: NDArray[np.bool_] = np.isin(line * wide + resource, np.array(pairs, np.int64))
    return ~named[line] | inside
