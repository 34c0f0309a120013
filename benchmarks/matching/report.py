"""What was found: a table for people, JSON to compare with, and a gate on the gap, never on time."""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.matching import shift_minimisation
from benchmarks.matching.cases import OURS, SHIFTS, Case, goal_for
from benchmarks.matching.runs import Found, bound_of, gap, own_gap


def table(results: Sequence[list[Found]]) -> Table:
    """A row per method, cases apart; gaps are to the best bound that any method proved for the case."""
    shown = Table(
        "", "value", "bound", "gap", "seconds", "CPU s", "MB", "", title="The matching engine beside its peers"
    )
    for column in shown.columns[1:7]:
        column.justify = "right"
    for found in results:
        best = bound_of(found)
        shown.add_section()
        shown.add_row(f"[bold]{found[0].case.title}[/bold]", *_goal(found[0].case))
        for each in found:
            shown.add_row(f"  {each.method}", *_money(each, best), *_used(each), _remark(each, found))
    return shown


def _goal(case: Case) -> tuple[str, ...]:
    goal = goal_for(case.family, case.lines)
    budget = f"{case.rounds} rounds" if case.rounds else f"≤ {case.seconds:.0f}"
    return "", "", "" if goal is None or case.rounds or case.family == SHIFTS else f"≤ {goal:.2%}", budget


def _money(found: Found, best: int | None) -> tuple[str, str, str]:
    """Euros; of the public instances, workers."""
    if found.case.family == SHIFTS:
        value, bound, least = (_workers(found.case, cents) for cents in (found.value, found.bound, best))
        far = "" if value is None or least is None else f"+{value - least}"
        return _or_dash(value), _or_dash(bound), far
    relative = gap(found.value, best)
    return _euros(found.value), _euros(found.bound), "" if relative is None else f"{relative:.3%}"


def _workers(case: Case, cents: int | None) -> int | None:
    """None also for a plan that leaves a task."""
    workers = None if cents is None else shift_minimisation.workers_of(case.lines, cents)
    return workers if workers is not None and workers < shift_minimisation.WORTH else None


def _or_dash(number: int | None) -> str:
    return "–" if number is None else str(number)


def _euros(cents: int | None) -> str:
    return "–" if cents is None else f"{cents / 100:,.2f}"


def _used(found: Found) -> tuple[str, str, str]:
    return f"{found.seconds:.2f}", f"{found.cpu:.2f}", f"{found.memory:,.0f}"


def _remark(found: Found, beside: list[Found]) -> str:
    said = [*found.wrong[:1]]
    if found.method == OURS:
        said += [
            f"{found.rounds} rounds",
            *([f"first plan {found.first:.2f} s"] if found.first else []),
            *_compared(found, beside),
        ]
    return "; ".join(said)


def _compared(found: Found, beside: list[Found]) -> Iterator[str]:
    """Who has a better plan, if anybody does."""
    worse = [each.method for each in beside if (each.value or 0) > (found.value or 0)]
    if worse:
        yield f"[red]{', '.join(worse)} better[/red]"


def summary(results: Sequence[list[Found]]) -> Iterator[str]:
    """In a sentence each: the goals, the peers, the public instances."""
    goals = [
        (found, goal) for found in results if (goal := goal_for(found[0].case.family, found[0].case.lines)) is not None
    ]
    timed = [
        (own_gap(found), goal) for found, goal in goals if not found[0].case.rounds and found[0].case.family != SHIFTS
    ]
    if timed:
        met = sum(reached is not None and reached <= goal for reached, goal in timed)
        yield f"{met} of {len(timed)} goals for the gap met."
    generated = [found for found in results if found[0].case.family != SHIFTS]
    if generated:
        best = sum(not list(_compared(each, found)) for found in generated for each in found if each.method == OURS)
        yield f"No peer has a better plan in {best} of {len(generated)} cases."
    public = [found for found in results if found[0].case.family == SHIFTS]
    if public:
        yield from _shifts(public)


def _shifts(results: Sequence[list[Found]]) -> Iterator[str]:
    """Per method, how many public instances it solved."""
    for method in dict.fromkeys(each.method for found in results for each in found):
        rows = [(each, bound_of(found)) for found in results for each in found if each.method == method]
        pairs = [(_workers(each.case, each.value), _workers(each.case, best)) for each, best in rows]
        far = [value - least for value, least in pairs if value is not None and least is not None]
        proved = sum(each.value is not None and each.value == each.bound for each, _ in rows)
        yield (
            f"{method}: {len(far)} of {len(rows)} public instances with every task done; as few workers as the best "
            f"bound allows in {sum(each == 0 for each in far)} (proved by itself: {proved}), one more in "
            f"{sum(each == 1 for each in far)}."
        )


def record(
    file: Path, results: Sequence[list[Found]], join: dict[str, float] | None, *, seed: int, others: float,
    one_by_one: Mapping[str, dict[str, float]] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Write what was found, and under which circumstances."""
    circumstances = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "share_of_processors_used_by_others": round(others, 3),
    }
    found = {"circumstances": circumstances, "cases": [_recorded(found) for found in results], "candidates": join}
    found |= dict(one_by_one)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def _recorded(found: list[Found]) -> dict[str, Any]:
    best = bound_of(found)
    methods = {
        each.method: {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(each).items()
            if name not in ("case", "method") and value not in (None, [])
        }
        | {"gap": gap(each.value, best)}
        for each in found
    }
    case = {
        name: value
        for name, value in asdict(found[0].case).items()
        if name not in ("archive", "alone") and value not in (None, "")
    }
    return {**case, "own_gap": own_gap(found), "methods": methods}


def show(console: Console, results: Sequence[list[Found]], join: dict[str, float] | None) -> None:
    """Print the table and what it amounts to."""
    if results:
        console.print(table(results))
    if join:
        console.print(
            f"Candidates: {join['ours_pairs']:,} in {join['ours_seconds']:.2f} s of processor; a bare grid join finds "
            f"{join['bare_pairs']:,} pairs in {join['bare_seconds']:.2f} s: ratio {join['ratio']:.2f}, goal ≤ 1.5."
        )
    for sentence in summary(results):
        console.print(sentence)
