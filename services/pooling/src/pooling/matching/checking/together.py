"""Whether lines could be placed all at once beside the rest of a plan: every set of their places is tried."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from pooling.matching.checking.beside import Beside, Block, blocked
from pooling.matching.checking.rules import unfit
from pooling.matching.checking.score import worth
from pooling.matching.problem import Line, Request, Resource

MOST_TRIES = 20_000


class Answer(Enum):
    """What is true of placing some lines at once."""

    NOT_TOGETHER = auto()
    NOT_WORTH_IT = auto()
    RAISES = auto()
    TOO_MANY = auto()


@dataclass(frozen=True, slots=True)
class Choice:
    """A place of a line, what it blocks, and the cents that it adds, openings aside."""

    resource: Resource
    start: int
    block: Block
    cents: int


class _TooManyError(Exception):
    """More sets of places than are tried."""


def answer(beside: Beside, lines: Sequence[Line], request: Request) -> Answer:
    """Whether these lines of a request, which have no place, can be placed at once, and raise the plan's value."""
    choices = [_choices(beside, line, request) for line in lines]
    found, tries = Answer.NOT_TOGETHER, [0]
    try:
        for chosen in _sets(beside, lines, request, choices, (), tries):
            found = Answer.NOT_WORTH_IT
            opened = {each.resource.id: beside.opening(lines[0], each.resource) for each in chosen}
            if sum(each.cents for each in chosen) > sum(opened.values()):
                return Answer.RAISES
    except _TooManyError:
        return Answer.TOO_MANY
    return found


def _choices(beside: Beside, line: Line, request: Request) -> list[Choice]:
    found = []
    for resource in beside.problem.resources:
        if next(unfit(line, request, resource), None) is None:
            cents = worth(line, resource, beside.problem.km_cost)
            for start in beside.starts(line, resource):
                more = beside.staying(line, resource, start)
                found.append(Choice(resource, start, blocked(line, resource, start), cents + more))
    return found


def _sets(
    beside: Beside,
    lines: Sequence[Line],
    request: Request,
    choices: Sequence[Sequence[Choice]],
    chosen: tuple[Choice, ...],
    tries: list[int],
) -> Iterator[tuple[Choice, ...]]:
    """Every way to go on from the places chosen for the first lines."""
    if len(chosen) == len(lines):
        yield chosen
        return
    line = lines[len(chosen)]
    for choice in choices[len(chosen)]:
        if request.same_start and chosen and choice.start != chosen[0].start:
            continue
        tries[0] += 1
        if tries[0] > MOST_TRIES:
            raise _TooManyError
        more = [each.block for each in chosen if each.resource == choice.resource]
        if beside.units_left(line, choice.resource, choice.start, more) >= line.units:
            yield from _sets(beside, lines, request, choices, (*chosen, choice), tries)
