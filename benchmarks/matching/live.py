"""How soon, beside the goals: the index, a standing plan event by event, a solving process at its start."""

from rich.console import Console
from rich.table import Table

from benchmarks.matching import runs

INDEX, STANDING, START = "index", "standing", "start"
MEASURED = {
    INDEX: ("indexing", 250_000),
    STANDING: ("standing", "fixed", 10_000),
    START: ("starting",),
}
GOALS = {"ten best": 20.0, "booking": 1.0, "changed": 1.0, "withdrawal": 1.0, "offer": 1.0}
"""Milliseconds, by how the name of what was done begins; of any event of a standing plan EVENT."""
EVENT = 50.0
BEHIND = 0.005
READY, FIRST = 3.0, 1.0
"""Seconds until a solving process is ready, and from being asked until the first plan of 1,000 lines."""


def measured(name: str, seed: int) -> dict[str, float]:
    """What a process of its own found. Raises Failed when it does."""
    module, *size = MEASURED[name]
    return runs.measured(str(module), *size, seed)


def show(console: Console, found: dict[str, dict[str, float]]) -> None:
    """Print a table of milliseconds of processor, and how far a standing plan is behind one that is solved anew."""
    if START in found:
        show_start(console, found[START])
    found = {name: figures for name, figures in found.items() if name != START}
    if not found:
        return
    table = Table("one at a time", "what", "ms, median", "ms, p99", "goal")
    for name, figures in found.items():
        for what in [each.removesuffix(", p99") for each in figures if each.endswith(", p99")]:
            median, p99, goal = figures[f"{what}, median"], figures[f"{what}, p99"], goal_of(name, what)
            late = "[red]" if p99 > goal else ""
            table.add_row(name, what, f"{median:.3f}", f"{late}{p99:.3f}", f"{goal:.0f}")
    console.print(table)
    if STANDING in found:
        figures = found[STANDING]
        console.print(
            f"Standing plan: after its events {figures['behind']:.2%} behind solving anew (goal {BEHIND:.1%}), "
            f"{figures['moves']:.1f} moves to the event, {figures['wrong']:.0f} faults."
        )


def show_start(console: Console, figures: dict[str, float]) -> None:
    """Print how long a solving process takes until it is ready, and until its first plans."""
    firsts = ", ".join(f"{family} {seconds:.2f} s" for family, seconds in figures.items() if family != "ready")
    console.print(
        f"A solving process is ready after {figures['ready']:.2f} s of processor (goal < {READY:.0f}); first plan of "
        f"1,000 lines: {firsts} (goal < {FIRST:.0f})."
    )


def goal_of(name: str, what: str) -> float:
    """Milliseconds."""
    if name == STANDING:
        return EVENT
    return next(goal for begins, goal in GOALS.items() if what.startswith(begins))
