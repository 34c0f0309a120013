"""Files out: plans, certificates and problems as JSON, the same bytes for the same values."""

import json
from collections.abc import Mapping
from typing import Any

from pooling.matching.explanations import Explanations, NearMiss, PlacedLine, UnplacedLine
from pooling.matching.problem import Line, Plan, Prices, Problem, Request, Resource


def plan_json(plan: Plan, problem: Problem, why: Explanations | None = None) -> dict[str, Any]:
    """`polepool.plan/1`: what is placed and what isn't, in the problem's order of lines, and why, if that is given."""
    where = {each.line: each for each in plan.placed}
    lines = [line.id for request in problem.requests for line in request.lines]
    placed = [where[line] for line in lines if line in where]
    unplaced = [line for line in lines if line not in where]
    return {
        "format": "polepool.plan/1",
        "value": plan.value,
        "bound": plan.bound,
        "gap": plan.gap,
        "placed": [
            {"line": each.line, "resource": each.resource, "start": each.start}
            | (placed_json(why.placed[each.line]) if why else {})
            for each in placed
        ],
        "unplaced": [{"line": line} | (unplaced_json(why.unplaced[line]) if why else {}) for line in unplaced],
        "seed": plan.seed,
        "rounds": plan.rounds,
        "seconds": round(plan.seconds, 3),
        "components": plan.components,
    }


def placed_json(line: PlacedLine) -> dict[str, Any]:
    """Why a line is where it is: the fields beside its place."""
    score = line.score
    return {
        "score": {
            "value": score.value,
            "bonuses": dict(sorted(score.bonuses.items())),
            "price": score.price,
            "metres": score.metres,
            "travel": score.travel,
            "stability": score.stability,
        },
        "alternatives": [
            {"resource": each.resource, "start": each.start, "difference": each.difference}
            for each in line.alternatives
        ],
    }


def unplaced_json(line: UnplacedLine) -> dict[str, Any]:
    """Why a line has no place: the fields beside its id."""
    return {
        "because": str(line.because),
        "funnel": [list(stage) for stage in line.funnel],
        "near_misses": [
            {"change": {str(each.changed): _change(each)}, "resource": each.resource, "start": each.start}
            for each in line.near_misses
        ],
    }


def _change(miss: NearMiss) -> object:
    """What the line's field would be."""
    return _line(miss.line)[str(miss.changed)]


def certificate_json(prices: Prices) -> dict[str, Any]:
    """`polepool.certificate/1`: the prices in thousandths of a cent, those of 0 left out, sorted by id and minute."""
    lines = {id_: _line_price(price) for id_, price in sorted(prices.lines.items())}
    return {
        "format": "polepool.certificate/1",
        "lines": {id_: price for id_, price in lines.items() if price},
        "limits": list(prices.limits),
        "moments": {
            id_: [[minute, price] for minute, price in sorted(moments)]
            for id_, moments in sorted(prices.moments.items())
        },
    }


def _line_price(price: int | Mapping[int, int]) -> int | dict[str, int]:
    if isinstance(price, int):
        return price
    return {str(start): cents for start, cents in sorted(price.items()) if cents}


def problem_json(problem: Problem) -> dict[str, Any]:
    """`polepool.matching/1`: every field that isn't null."""
    return {
        "format": "polepool.matching/1",
        "km_cost": problem.km_cost,
        "stability": problem.stability,
        "resources": [_resource(each) for each in problem.resources],
        "busy": [
            {"resource": each.resource, "start": each.start, "end": each.end, "units": each.units}
            for each in problem.busy
        ],
        "requests": [_request(each) for each in problem.requests],
        "limits": [{"lines": list(each.lines), "at_most": each.at_most} for each in problem.limits],
    }


def _resource(resource: Resource) -> dict[str, Any]:
    written = {
        "id": resource.id,
        "kind": resource.kind,
        "poles": list(resource.poles),
        "at": _pair(resource.at),
        "units": resource.units,
        "features": sorted(resource.features),
        "measures": dict(sorted(resource.measures.items())),
        "free": [list(period) for period in resource.free],
        "buffer": list(resource.buffer),
        "price": {"fixed": resource.price.fixed, "hour": resource.price.hour},
        "opening": resource.opening,
    }
    return {name: value for name, value in written.items() if value is not None}


def _request(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "pole": request.pole,
        "together": request.together,
        "same_start": request.same_start,
        "lines": [_line(line) for line in request.lines],
    }


def _line(line: Line) -> dict[str, Any]:
    current = line.current
    written = {
        "id": line.id,
        "kind": line.kind,
        "value": line.value,
        "minutes": line.minutes,
        "start": list(line.start),
        "step": line.step,
        "at": _pair(line.at),
        "max_km": line.max_km,
        "features": sorted(line.features),
        "at_least": dict(sorted(line.at_least.items())),
        "units": line.units,
        "prefers": dict(sorted(line.prefers.items())),
        "max_price": line.max_price,
        "only": None if line.only is None else sorted(line.only),
        "current": None if current is None else {"resource": current.resource, "start": current.start},
    }
    return {name: value for name, value in written.items() if value is not None}


def _pair(at: tuple[float, float] | None) -> list[float] | None:
    return None if at is None else list(at)


def encoded(document: dict[str, Any]) -> bytes:
    """The document as a file holds it: ASCII, one item of a top-level list a line, so that files can be compared."""
    fields = ",\n".join(f" {json.dumps(name)}: {_field(value)}" for name, value in document.items())
    return f"{{\n{fields}\n}}\n".encode("ascii")


def _field(value: object) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {json.dumps(each)}" for each in value) + "\n ]"
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in value.items()) + "\n }"
    return json.dumps(value)
