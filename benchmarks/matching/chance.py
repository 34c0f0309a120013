"""Chance that is the same on every machine and with every release of numpy: whole numbers, counted, hashed.

SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014): the n-th number of a
stream is a mix of its start plus n times an odd constant, so a whole array is drawn at once. Streams are named: another
one more or less doesn't move the rest.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Chance:
    """Named streams of numbers that follow from a seed."""

    seed: int

    def _bits(self, name: str, count: int) -> NDArray[np.uint64]:
        """`count` numbers of 64 random bits."""
        digest = sha256(f"{self.seed}/{name}".encode()).digest()
        at = np.uint64(int.from_bytes(digest[:8], "little")) + np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        at = (at ^ (at >> np.uint64(30))) * _FIRST
        at = (at ^ (at >> np.uint64(27))) * _SECOND
        return at ^ (at >> np.uint64(31))

    def whole(self, name: str, count: int, low: int, high: int) -> Whole:
        """`count` whole numbers from `low` to `high`, both possible; the bias of the remainder is below 2⁻³²."""
        return (self._bits(name, count) % np.uint64(high - low + 1)).astype(np.int64) + low

    def happens(self, name: str, count: int, percent: int) -> NDArray[np.bool_]:
        """`count` times whether something happens that does so in `percent` of 100."""
        return self.whole(name, count, 1, 100) <= percent

    def pick(self, name: str, count: int, weights: tuple[int, ...]) -> Whole:
        """`count` times an index, as often as its weight says."""
        found: Whole = np.searchsorted(np.cumsum(weights), self.whole(name, count, 1, sum(weights))).astype(np.int64)
        return found

    def bell(self, name: str, count: int, width: int) -> Whole:
        """`count` whole numbers around 0, within ± 2 `width`: the sum of four uniform ones."""
        drawn: Whole = self.whole(name, 4 * count, -width // 2, width // 2).reshape(4, count).sum(axis=0)
        return drawn

    def order(self, name: str, count: int) -> Whole:
        """The numbers below `count` in a random order."""
        return np.argsort(self._bits(name, count), kind="stable").astype(np.int64)
