"""`python -m benchmarks.matching`: one run, one table: the matching engine beside its peers, on seeded problems."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.matching import gate, live, report
from benchmarks.matching.cases import CANDIDATES, JOINED, SHIFTS, Case, generated, public, quick
from benchmarks.matching.families import FAMILIES, SIZES
from benchmarks.matching.runs import Failed, Found, joined, run
from benchmarks.pipeline.machine import Machine

BUSY = 0.1
"""When others use more of the processors than this, seconds say little."""

NAMES = (*FAMILIES, CANDIDATES, *live.MEASURED, SHIFTS)

console = Console()
if not console.is_terminal:
    console = Console(width=150)


def main(
    is_quick: Annotated[bool, typer.Option("--quick", help="Small problems, in rounds: a gate for CI.")] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(NAMES)}; repeatable.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Lines; repeatable. Default: 1000 and 10000.")] = None,
    seed: Annotated[int, typer.Option(help="For the problems, and for our search.")] = 1,
    instances: Annotated[Path | None, typer.Option(help="A tar archive of the public instances, for `shifts`.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Without peers.")] = False,
    json: Annotated[Path | None, typer.Option(help="Record what was found in this file.")] = None,
) -> None:
    """Measure value, bound, gap, time and memory of every method; exit 1 when a plan, a bound or our gap is bad."""
    names = only or [name for name in NAMES if name != SHIFTS or instances]
    if unknown := [name for name in names if name not in NAMES]:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if SHIFTS in names and not (instances and instances.is_file()):
        raise typer.BadParameter(
            "the public instances need --instances ARCHIVE; README.md says where they are published"
        )
    cases = quick(names, seed) if is_quick else generated(names, size or list(SIZES[:2]), seed)
    if SHIFTS in names and instances:
        cases += public(instances, seed)
    machine = Machine()
    results, failed = _measure([replace(case, alone=alone) for case in cases])
    join = joined(JOINED, seed) if CANDIDATES in names and not is_quick else None
    one_by_one = {} if is_quick else {name: live.measured(name, seed) for name in live.MEASURED if name in names}
    others = machine.others()
    report.show(console, results, join)
    live.show(console, one_by_one)
    if others > BUSY and not is_quick:
        console.print(f"Other work used {others:.0%} of the processors meanwhile: don't believe the seconds.")
    if json:
        report.record(json, results, join, seed=seed, others=others, one_by_one=one_by_one)
    found = failed + list(gate.faults(results, gate.recorded(gate.FILE)))
    for fault in found:
        console.print(f"[red]{fault}[/red]")
    raise typer.Exit(1 if found else 0)


def _measure(cases: list[Case]) -> tuple[list[list[Found]], list[str]]:
    """All cases, one process at a time, telling how far it is; and what failed, which ends its own case only."""
    began = time.perf_counter()
    results, failed = list[list[Found]](), list[str]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(cases))

        def say(what: str) -> None:
            progress.update(task, description=what)
            if not console.is_terminal:
                console.print(f"{time.perf_counter() - began:6.1f} s  {what}")

        for case in cases:
            try:
                results.append(run(case, say))
            except Failed as failure:
                failed.append(str(failure))
            progress.advance(task)
    return results, failed


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
