"""Columns of offers that are changed in place: growing arrays, and short lists of rows, by slot.

A slot is a resource's place in every column. Slots come in runs of `RUN`, each run of one kind and one cell of the map,
so that those of a neighbourhood lie side by side in memory.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from pooling.matching.compiled import NONE, Floats, Ints, Words

T = TypeVar("T", Words, Floats)

RUN = 16
SPARE = 4


class Columns:
    """What a resource is, by slot: as `compiling.Offers`, with room for more; a `kind` of `NONE` is an empty slot."""

    def __init__(self, room: int) -> None:
        """`room`: for how many slots, whole runs of them."""
        self.kind: Ints = np.full(room, NONE)
        self.poles: Words = np.zeros((room, 1), np.uint64)
        self.place: Floats = np.full((room, 2), np.nan)
        self.units: Ints = np.zeros(room, np.int64)
        self.features: Words = np.zeros((room, 1), np.uint64)
        self.measures: Floats = np.full((room, 1), -np.inf)
        self.before: Ints = np.zeros(room, np.int64)
        self.after: Ints = np.zeros(room, np.int64)
        self.fixed: Ints = np.zeros(room, np.int64)
        self.hour: Ints = np.zeros(room, np.int64)
        self.free = Lists(room, 2)
        self.busy = Lists(room, 3)
        self.next_run: Ints = np.full(room // RUN, NONE)

    def grow(self) -> None:
        """Twice the room."""
        larger = Columns(2 * len(self.kind))
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray):
                wider = np.broadcast_to(getattr(larger, name)[:1, ...], (2 * len(column), *column.shape[1:])).copy()
                if column.ndim > 1:
                    wider[:] = getattr(larger, name)[0, 0]
                wider[: len(column)] = column
                setattr(self, name, wider)
        self.free.grow(len(self.kind))
        self.busy.grow(len(self.kind))

    def widen(self, poles: int, features: int, measures: int) -> None:
        """Room for so many poles, features and measures."""
        self.poles = widened(self.poles, (poles + 63) // 64)
        self.features = widened(self.features, (features + 63) // 64)
        self.measures = widened(self.measures, measures)


def widened(column: T, width: int) -> T:
    """At least so many numbers to the slot; those added say that nothing is there."""
    missing = width - column.shape[1]
    if missing <= 0:
        return column
    nothing = 0 if column.dtype == np.uint64 else -np.inf
    return np.concatenate((column, np.full((len(column), missing), nothing, column.dtype)), axis=1)


class Lists:
    """A short sorted list of rows for each slot, in one array `rows`: those from `begins[slot]` to `ends[slot]`."""

    def __init__(self, slots: int, width: int) -> None:
        self.rows: Ints = np.zeros((SPARE * slots, width), np.int64)
        self.begins: Ints = np.zeros(slots, np.int64)
        self.ends: Ints = np.zeros(slots, np.int64)
        self.room: Ints = np.zeros(slots, np.int64)
        self.used = 0
        self.left: dict[int, list[int]] = {}

    def __getitem__(self, slot: int) -> list[tuple[int, ...]]:
        """A slot's rows."""
        return [tuple(row) for row in self.rows[self.begins[slot] : self.ends[slot]].tolist()]

    def __setitem__(self, slot: int, rows: Sequence[Sequence[int]]) -> None:
        """Replaces a slot's rows; where they outgrow their room, they move to twice as much."""
        if len(rows) > self.room[slot]:
            self.move(slot, max(SPARE, 1 << (len(rows) - 1).bit_length()))
        begin = int(self.begins[slot])
        self.ends[slot] = begin + len(rows)
        if rows:
            self.rows[begin : begin + len(rows)] = rows

    def move(self, slot: int, room: int) -> None:
        """Gives a slot a stretch of that many rows: one that another left, or the next unused."""
        if self.room[slot]:
            self.left.setdefault(int(self.room[slot]), []).append(int(self.begins[slot]))
        if self.left.get(room):
            begin = self.left[room].pop()
        else:
            begin, self.used = self.used, self.used + room
            if self.used > len(self.rows):
                self.rows = np.concatenate((self.rows, np.zeros((self.used, self.rows.shape[1]), np.int64)))
        self.begins[slot], self.room[slot] = begin, room

    def grow(self, slots: int) -> None:
        """Room for so many slots."""
        missing = np.zeros(slots - len(self.begins), np.int64)
        self.begins = np.concatenate((self.begins, missing))
        self.ends = np.concatenate((self.ends, missing))
        self.room = np.concatenate((self.room, missing))
