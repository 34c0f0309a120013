"""`python -m benchmarks.pipeline`: measures the pipeline beside its peers, on parts that it starts itself."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.pipeline import booking, consumption, latency, memory, publish, report, writers
from benchmarks.pipeline.machine import Machine
from benchmarks.pipeline.report import Line
from benchmarks.pipeline.stand import Stand, stand

MEASUREMENTS: dict[str, Callable[[Stand], Awaitable[list[Line]]]] = {
    "publish": publish.measure,
    "consume": consumption.measure,
    "latency": latency.measure,
    "memory": memory.measure,
    "writers": writers.measure,
    "booking": booking.measure,
}

BUSY = 0.1
"""When others use more of the processors than this, figures say little."""

console = Console()
if not console.is_terminal:
    console = Console(width=140)


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Few events: less than a minute, and rougher figures.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(MEASUREMENTS)}; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="For ids and arrival times.")] = 20260101,
    json: Annotated[Path | None, typer.Option(help="Record what was found in this file.")] = None,
) -> None:
    """Measure the pipeline beside raw aiokafka and FastStream, and print rates and ratios with their goals."""
    names = only or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    machine = Machine()
    lines = asyncio.run(_measure(names, seed, quick))
    report.show(console, lines)
    others = machine.others()
    if others > BUSY:
        console.print(f"Other work used {others:.0%} of the processors meanwhile: don't believe these figures.")
    if json:
        report.record(json, lines, seed=seed, quick=quick, others=others)
    raise typer.Exit(0)


async def _measure(names: list[str], seed: int, quick: bool) -> list[Line]:
    lines: list[Line] = []
    began = time.perf_counter()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")

        def say(what: str) -> None:
            progress.update(task, description=what)
            if not console.is_terminal:
                console.print(f"{time.perf_counter() - began:5.1f} s  {what}")

        async with stand(seed, quick, say) as parts:
            for name in names:
                lines += await MEASUREMENTS[name](parts)
    return lines


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
