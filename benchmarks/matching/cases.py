"""What is measured: families at sizes, with the time they get, the goals, and who is there to compare with."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.matching import instances, shift_minimisation
from benchmarks.matching.families import FAMILIES
from pooling.matching.problem import Problem

SHIFTS = "shifts"
CANDIDATES = "candidates"
JOINED = 100_000
"""Lines, and as many resources, of the candidates' comparison."""
OURS = "ours"
METHODS = (OURS, "first come", "best value", "LP rounded", "MIP", "CP-SAT", "flow")
QUICK = ("fixed", "flexible", "bundles", "units", "everything", "one-to-one")
QUICK_LINES = 300
QUICK_ROUNDS = 16
CERTIFIED = 10_000
"""Up to so many lines the bound is proved again from the certificate, slowly and plainly."""


@dataclass(frozen=True, slots=True)
class Case:
    """A family at a size, or a public instance (`archive` and `name`), and the budget of every method."""

    family: str
    lines: int
    seed: int
    seconds: float
    rounds: int | None = None
    name: str = ""
    archive: str = ""
    alone: bool = False

    def problem(self) -> Problem:
        """The problem itself; in a process of its own, for what it takes."""
        if self.family == SHIFTS:
            return shift_minimisation.problem_of(shift_minimisation.read(Path(self.archive), self.name), self.seed)
        return instances.problem_of(self.family, self.lines, self.seed)

    @property
    def title(self) -> str:
        """How it is called in tables and records."""
        return f"{self.family} {self.name or f'{self.lines:,}'}"

    @property
    def methods(self) -> tuple[str, ...]:
        """Who takes part: the MIP at small sizes, the flow where it applies, the LP where it can end."""
        if self.alone:
            return (OURS,)
        left_out = {"flow"} if self.family != "one-to-one" else set()
        if self.lines > 1_000 or self.family == SHIFTS or self.rounds:
            left_out.add("MIP")
        if self.rounds:
            left_out |= {"CP-SAT", "first come"}
        return tuple(method for method in METHODS if method not in left_out)


HOURS = ("fixed", "clustered", "scarce", "plentiful")
WINDOWS = ("flexible", "bundles", "days")


def seconds_for(family: str, lines: int) -> float:
    """The budget of every method: that of the goals."""
    if lines > 10_000:
        return 90.0
    if family in HOURS or family == "one-to-one":
        return 1.0 if lines <= 1_000 else 10.0
    return 5.0 if lines <= 1_000 else 30.0


def goal_for(family: str, lines: int) -> float | None:
    """The gap to its own bound that ours should reach in that time, if there is a goal."""
    size = (lines > 1_000) + (lines > 10_000)
    if family in HOURS:
        return (0.0005, 0.001, 0.003)[size]
    if family in WINDOWS:
        return (0.003, 0.005, None)[size]
    return 0.0 if family == "one-to-one" else (0.01, 0.01, None)[size]


def generated(families: list[str], sizes: list[int], seed: int) -> list[Case]:
    """Every family at every size."""
    return [
        Case(family, size, seed, seconds_for(family, size))
        for family in families if family in FAMILIES for size in sizes
    ]  # fmt: skip


def quick(families: list[str], seed: int) -> list[Case]:
    """Small ones, in rounds: the same plan and bound on every machine."""
    return [Case(family, QUICK_LINES, seed, 60.0, QUICK_ROUNDS) for family in families if family in QUICK]


def public(archive: Path, seed: int) -> list[Case]:
    """Every instance of the archive, half a minute each."""
    return [
        Case(SHIFTS, int(name.split("_")[3]), seed, 30.0, name=name, archive=str(archive.resolve()))
        for name in shift_minimisation.names_in(archive)
    ]
