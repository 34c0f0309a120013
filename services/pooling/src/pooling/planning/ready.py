"""The engine made ready: what isn't compiled yet is compiled, which takes a minute or two, and kept for all processes.

`python -m pooling.planning.ready` does it when Polepool is installed, so that the first plan need not wait for it.
"""

import sys
import time
from typing import NamedTuple

from pooling.matching.problem import Budget, Busy, Current, Limit, Line, Price, Problem, Request, Resource


class Ready(NamedTuple):
    """Whether anything had to be compiled, and how many seconds all took."""

    compiled: bool
    seconds: float


def example() -> Problem:
    """A small problem with a bit of everything, and too much for what there is: no step of the method is left out."""
    vans = tuple(
        Resource(
            *(f"van-{number}", "van", ("here",), (46.3, -0.4)),
            units=1 + number % 2,
            features=frozenset({"ramp"}),
            measures={"seats": 5 + number},
            free=((0, 240),),
            buffer=(0, 15),
            price=Price(100, 10),
            opening=5 * (number % 2),
        )
        for number in range(6)
    )
    lines = tuple(
        Line(
            *(
                f"line-{number}",
                "van",
                10_000 + number * 37 % 11 * 100,
                60 + number % 3 * 15,
                (0, 120 + number % 2 * 15),
            ),
            at=(46.31, -0.41),
            max_km=20 if number % 5 else 1,
            features=frozenset({"ramp"} if number % 2 else ()),
            at_least={"seats": 5 + number % 4},
            units=1 + number % 7 // 6,
            prefers={"ramp": 50},
            max_price=1000,
            current=Current("van-0", 15) if number == 1 else None,
        )
        for number in range(48)
    )
    alone = tuple(Request(f"alone-{line.id}", "here", (line,)) for line in lines[:36])
    bundles = tuple(Request(f"bundle-{at}", "here", lines[at : at + 2], True, at % 4 == 0) for at in range(36, 48, 2))
    dear = tuple(Line(f"dear-{number}", "hall", 1, 60, (0, 60)) for number in range(2))
    hall = Resource("hall", "hall", ("here",), units=2, free=((0, 240),), price=Price(100))
    limit = Limit(("line-3", "line-4", "line-5"), 2)
    return Problem(
        resources=(*vans, hall),
        requests=(*alone, *bundles, Request("dear", "here", dear, together=True)),
        km_cost=10,
        stability=20,
        busy=(Busy("van-5", 30, 60),),
        limits=(limit,),
    )


def for_one_hour() -> Problem:
    """Everybody wants a van for the same hour: no van can take two lines."""
    vans = tuple(Resource(f"van-{number}", "van", ("here",), free=((0, 60),)) for number in range(3))
    lines = tuple(Line(f"line-{number}", "van", 1_000 + number, 60, (0, 0)) for number in range(4))
    return Problem(vans, tuple(Request(line.id, "here", (line,)) for line in lines))


def for_few_vans() -> Problem:
    """Where opening a van is what costs."""
    vans = tuple(Resource(f"van-{number}", "van", ("here",), free=((0, 480),), opening=50_000) for number in range(8))
    lines = tuple(Line(f"line-{number}", "van", 30_000, 60, (number * 15, number * 15)) for number in range(24))
    return Problem(vans, tuple(Request(line.id, "here", (line,)) for line in lines))


def ready() -> Ready:
    """Have everything compiled, or read from where it is kept, before a search has its time to keep."""
    from numba.core.event import install_recorder

    from pooling.matching.explaining import explain
    from pooling.matching.solver import solve

    began = time.monotonic()
    with install_recorder("numba:compile") as recorder:
        problem = example()
        explain(problem, solve(problem, Budget(rounds=30), seed=1))
        for other in (for_one_hour(), for_few_vans()):
            solve(other, Budget(rounds=3), seed=1)
    return Ready(bool(recorder.buffer), round(time.monotonic() - began, 1))


if __name__ == "__main__":
    sys.stdout.write("Compiling the matching engine, unless it is compiled already: a minute or two\n")
    sys.stdout.flush()
    made = ready()
    sys.stdout.write(
        f"The matching engine is {'compiled' if made.compiled else 'there already'}, {made.seconds:.0f} s\n"
    )
