"""The problem and the plan as the explanations' compiled functions read them."""

from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np

from pooling.matching.compiled import NONE, Ints
from pooling.matching.compiling import Compiled, offsets
from pooling.matching.problem import Placed

BEFORE, AFTER, UNITS, FREE_FROM, BLOCKS_FROM = range(5)
"""Columns of `Calendar.hosts`."""
BEGIN, END, TAKEN, LINE = range(4)
"""Columns of `Calendar.blocks`."""


class Asked(NamedTuple):
    """What of `compiling.Needs` tells when, by line."""

    units: Ints
    minutes: Ints
    earliest: Ints
    latest: Ints
    step: Ints
    current_resource: Ints
    current_start: Ints


class Calendar(NamedTuple):
    """When each resource is free and what blocks it, as few arrays: each costs something at every call.

    `hosts` are rows (before, after, units, free_from, blocks_from) by resource, and a last one that closes the others;
    `free` are rows (start, end); `blocks` are rows (begin, end, units, line) by resource and begin, where the line is
    `NONE` for what is busy.
    """

    hosts: Ints
    free: Ints
    blocks: Ints


class Window(NamedTuple):
    """A line's number, when it may start, how long it lasts and how many units it takes."""

    line: int
    earliest: int
    latest: int
    step: int
    minutes: int
    units: int


class Columns(NamedTuple):
    """All of it; by resource, `guests` counts the lines that are placed there, `opening` is 0 where there are some.

    `stability` is cents per moved proposal.
    """

    asked: Asked
    calendar: Calendar
    opening: Ints
    guests: Ints
    stability: int

    @classmethod
    def of(cls, problem: Compiled, where: Mapping[str, Placed]) -> Self:
        """The columns of a problem and of the places that its lines have."""
        calendar, guests = calendar_of(problem, where)
        asked = Asked(*(getattr(problem.needs, name) for name in Asked._fields))
        opening = np.where(guests == 0, problem.offers.opening, 0)
        return cls(asked, calendar, opening, guests, problem.problem.stability)


def calendar_of(problem: Compiled, where: Mapping[str, Placed]) -> tuple[Calendar, Ints]:
    """What the plan and what is busy block, and the lines placed by resource.

    Raises KeyError for a resource that the problem doesn't hold.
    """
    needs, offers = problem.needs, problem.offers
    number_of = {resource.id: number for number, resource in enumerate(problem.problem.resources)}
    placed = np.array([at for at, line in enumerate(problem.lines) if line.id in where], np.int64)
    places = [where[problem.lines[at].id] for at in placed]
    on = np.array([number_of[place.resource] for place in places], np.int64)
    start = np.array([place.start for place in places], np.int64)
    count = len(offers.kind)
    resource = np.concatenate((on, np.repeat(np.arange(count), np.diff(offers.busy_from))))
    begin = np.concatenate((start, offers.busy[:, 0])) - offers.before[resource]
    end = np.concatenate((start + needs.minutes[placed], offers.busy[:, 1])) + offers.after[resource]
    taken = np.concatenate((needs.units[placed], offers.busy[:, 2]))
    line = np.concatenate((placed, np.full(len(offers.busy), NONE)))
    order = np.lexsort((begin, resource))
    order = order[(end > begin)[order]]  # what takes no time is in nobody's way
    blocks = np.stack((begin, end, taken, line), axis=1)[order]
    guests = np.bincount(on, minlength=count).astype(np.int64)
    blocks_from = offsets(np.bincount(resource[order], minlength=count).astype(np.int64))
    of_each = (np.append(column, 0) for column in (offers.before, offers.after, offers.units))
    hosts = np.stack((*of_each, offers.free_from, blocks_from), axis=1)
    return Calendar(hosts, offers.free, blocks), guests
