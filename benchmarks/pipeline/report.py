"""What was found: lines with a goal beside them, as a table for people and as JSON to compare with."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should reach, or stay below."""

    bound: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        """Whether it is met."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, slots=True)
class Line:
    """One figure."""

    group: str
    what: str
    value: float
    unit: str
    goal: Goal | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return self.goal.met_by(self.value) if self.goal else None


def at_least(bound: float) -> Goal:
    """A goal to reach."""
    return Goal(bound, at_least=True)


def at_most(bound: float) -> Goal:
    """A goal to stay within."""
    return Goal(bound, at_least=False)


def show(console: Console, lines: Sequence[Line]) -> None:
    """Print the table."""
    table = Table("", "measured", "goal", "", "note", title="Polepool's pipeline beside its peers")
    table.columns[1].justify = table.columns[2].justify = "right"
    previous = ""
    for line in lines:
        if line.group != previous:
            table.add_section()
            table.add_row(f"[bold]{line.group}[/bold]")
            previous = line.group
        goal = f"{'≥' if line.goal.at_least else '≤'} {_number(line.goal.bound)}" if line.goal else ""
        verdict = {None: "", True: "[green]met[/green]", False: "[red]not met[/red]"}[line.met]
        table.add_row(f"  {line.what}", f"{_number(line.value)} {line.unit}".strip(), goal, verdict, line.note)
    console.print(table)
    goals = [line.met for line in lines if line.goal]
    console.print(f"{sum(map(bool, goals))} of {len(goals)} goals met.")


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def record(file: Path, lines: Sequence[Line], *, seed: int, quick: bool, others: float) -> None:
    """Write what was found, and under which circumstances."""
    circumstances = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "quick": quick,
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "share_of_processors_used_by_others": round(others, 3),
    }
    found = [{**asdict(line), "value": round(line.value, 4), "met": line.met} for line in lines]
    file.write_text(json.dumps({"circumstances": circumstances, "lines": found}, indent=2, ensure_ascii=False) + "\n")
