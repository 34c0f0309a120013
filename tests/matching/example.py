"""The problem that the documentation shows, and how to change one thing in a document."""

import copy
import json
from typing import Any

from pooling.matching.problem import Problem
from pooling.matching.reading import read_problem

Document = dict[str, Any]
Path = list[str | int]
"""Fields and positions, from the outside in."""

EXAMPLE: Document = json.loads("""
{"format": "polepool.matching/1",
 "km_cost": 45, "stability": 500,
 "resources": [
   {"id": "van-1", "kind": "vehicle", "poles": ["niort"], "at": [46.32, -0.46], "units": 1,
    "features": ["ramp"], "measures": {"seats": 9}, "free": [[0, 5760], [7200, 10080]],
    "buffer": [15, 30], "price": {"fixed": 500, "hour": 300}, "opening": 0}],
 "busy": [{"resource": "van-1", "start": 780, "end": 900, "units": 1}],
 "requests": [
   {"id": "outing", "pole": "niort", "together": true, "same_start": true,
    "lines": [
      {"id": "outing-van", "kind": "vehicle", "value": 20000, "minutes": 180, "start": [480, 600], "step": 15,
       "at": [46.33, -0.40], "max_km": 25, "features": ["ramp"], "at_least": {"seats": 7}, "units": 1,
       "prefers": {"electric": 300}, "max_price": 4000, "only": null,
       "current": {"resource": "van-1", "start": 480}}]},
   {"id": "errand", "pole": "niort",
    "lines": [{"id": "errand-van", "kind": "vehicle", "value": 3000, "minutes": 60, "start": [540, 540]}]}],
 "limits": [{"lines": ["outing-van", "errand-van"], "at_most": 2}]}
""")


def changed(document: Document, path: Path, value: object) -> Document:
    """A copy with another value at this path (at a list's end, one more); without what is there, if it is `changed`."""
    copied: Any = copy.deepcopy(document)
    inner: Any = copied
    for step in path[:-1]:
        inner = inner[step]
    if isinstance(inner, list) and path[-1] == len(inner):
        inner.append(value)
    elif value is changed:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return dict(copied)


def problem(*changes: tuple[Path, object]) -> Problem:
    """The example's problem with these changes."""
    document = EXAMPLE
    for path, value in changes:
        document = changed(document, path, value)
    return read_problem(json.dumps(document).encode())
