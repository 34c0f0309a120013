"""A plan's file against its problem, and its bound against the certificate's file."""

from collections import Counter
from collections.abc import Iterator

from pooling.matching.checking.bound import proved_bound, starts_of
from pooling.matching.checking.reasons import wrong_reasons
from pooling.matching.checking.rules import broken_rules
from pooling.matching.checking.schedule import TooManyStates
from pooling.matching.checking.score import Known, value_of
from pooling.matching.problem import Prices, Problem
from pooling.matching.reading import BadProblem, PlanFile, read_certificate, read_plan


def check(problem: Problem, plan: bytes, certificate: bytes | None = None) -> list[str]:
    """One line for each thing that is wrong with this plan file; with a certificate, its bound is proved as well."""
    try:
        claimed = read_plan(plan)
    except BadProblem as error:
        return [f"plan: {error}"]
    found = broken_rules(problem, claimed.placed)
    found += _value(problem, claimed)
    found += _unplaced(problem, claimed)
    found += _gap(claimed)
    if not found:
        found += wrong_reasons(problem, claimed)
    if certificate is None:
        return found
    try:
        return found + _bound(problem, claimed, read_certificate(certificate))
    except BadProblem as error:
        return [*found, f"certificate: {error}"]


def _value(problem: Problem, claimed: PlanFile) -> Iterator[str]:
    known = Known.of(problem)
    lines = Counter(each.line for each in claimed.placed)
    if max(lines.values(), default=1) > 1 or not lines.keys() <= known.lines.keys():
        return
    if not {each.resource for each in claimed.placed} <= known.resources.keys():
        return
    value = value_of(problem, claimed.placed)
    if value != claimed.value:
        yield f"value: is {value}, not {claimed.value}"


def _unplaced(problem: Problem, claimed: PlanFile) -> Iterator[str]:
    lines = [line.id for request in problem.requests for line in request.lines]
    placed, told = {each.line for each in claimed.placed}, Counter(claimed.unplaced)
    for line in lines:
        if line not in placed and not told[line]:
            yield f"unplaced: {line!a} is neither placed nor listed"
    for line, times in told.items():
        if line in placed:
            yield f"unplaced: {line!a} is placed"
        elif times > 1:
            yield f"unplaced: {line!a} is listed more than once"
    for line in sorted(told.keys() - set(lines)):
        yield f"unplaced: the problem has no line {line!a}"


def _gap(claimed: PlanFile) -> Iterator[str]:
    if claimed.bound < claimed.value:
        yield f"bound: {claimed.bound} is below the value {claimed.value}"
    gap = (claimed.bound - claimed.value) / max(1, abs(claimed.bound))
    if claimed.gap != gap:
        yield f"gap: is {gap!r}, not {claimed.gap!r}"


def _bound(problem: Problem, claimed: PlanFile, prices: Prices) -> list[str]:
    found = list(_strangers(problem, prices))
    if found:
        return found
    try:
        bound = proved_bound(problem, prices)
    except TooManyStates as error:
        return [f"certificate: {error}"]
    return [] if bound == claimed.bound else [f"bound: the certificate proves {bound}, not {claimed.bound}"]


def _strangers(problem: Problem, prices: Prices) -> Iterator[str]:
    """What the certificate has a price for, and the problem doesn't have."""
    known = Known.of(problem)
    for id_, price in prices.lines.items():
        if id_ not in known.lines:
            yield f"certificate: lines: the problem has no line {id_!a}"
        elif not isinstance(price, int):
            starts = starts_of(known.lines[id_][0])
            yield from (f"certificate: lines: {id_!a} can't start at {at}" for at in price if at not in starts)
    for id_ in prices.moments:
        if id_ not in known.resources:
            yield f"certificate: moments: the problem has no resource {id_!a}"
    if len(prices.limits) not in (0, len(problem.limits)):
        yield f"certificate: limits: has {len(prices.limits)} prices for {len(problem.limits)} limits"
