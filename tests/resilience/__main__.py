"""`python -m tests.resilience`: attack the running system; docs/reliability.md says what it showed."""

import asyncio
import logging
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from tests.resilience import overload, page
from tests.resilience.attack import Harm, Report, attack, every_failpoint, new_folder, random_kills
from tests.resilience.failpoints import FAILPOINTS
from tests.resilience.outages import disk_full, outages, small_disk
from tests.resilience.planted import found
from tests.resilience.plants import PLANTS
from tests.resilience.race import race
from tests.resilience.upgrade import rolling
from tests.resilience.wiped import broker_wiped

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, soft_wrap=True)

Seed = Annotated[int | None, typer.Option(help="Replays the schedule of an earlier run; else one is drawn and told.")]
Count = Annotated[int, typer.Option(help="How many.")]
Times = Annotated[int, typer.Option(help="Crashes at each.")]
Long = Annotated[float, typer.Option(help="Seconds that the broker is away.")]
Attempts = Annotated[int, typer.Option(help="Commands of all clients together.")]
TWICE = ("pooling-consume",)
WITHIN = 120.0
"""Seconds in which a planted bug must be found, with everything that has to be started for it."""


@app.command()
def everything(count: Count = 300, times: Times = 20, long: Long = 60.0, seed: Seed = None) -> None:
    """All attacks and all planted bugs; docs/reliability.md says what they showed. Takes about two hours."""
    drawn = _drawn(seed)
    reports = [
        _one("kill -9", random_kills(count), drawn),
        _one("failpoints", every_failpoint(times), drawn),
        _one("outages", outages(long), drawn, twice=TWICE),
        _one("broker's data lost", broker_wiped, drawn),
        _full_disk(drawn),
        _one("upgrade", rolling(), drawn, balanced=True),
        _race(20_000, drawn),
        _overload(60.0, drawn),
    ]
    missed = _missed(tuple(PLANTS))
    raise typer.Exit(1 if missed or not all(each.holds for each in reports if each) else 0)


@app.command()
def kills(count: Count = 300, seed: Seed = None) -> None:
    """kill -9 of any role, of the broker and of PostgreSQL, under load."""
    _end(_one("kill -9", random_kills(count), _drawn(seed)))


@app.command()
def failpoints(
    times: Times = 20,
    only: Annotated[list[str] | None, typer.Option(help="One of them; repeatable.")] = None,
    seed: Seed = None,
) -> None:
    """Crash at each failpoint, in each role that comes there, under load."""
    if unknown := set(only or ()) - set(FAILPOINTS):
        raise typer.BadParameter(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(FAILPOINTS)}")
    _end(_one("failpoints", every_failpoint(times, only or tuple(FAILPOINTS)), _drawn(seed)))


@app.command("outages")
def outages_(long: Long = 60.0, seed: Seed = None) -> None:
    """Broker, database, connections, consumers and receivers that are away, silent or slow for a while."""
    _end(_one("outages", outages(long), _drawn(seed), twice=TWICE))


@app.command()
def wiped(seed: Seed = None) -> None:
    """The broker loses its data and is filled again from the services' event logs."""
    _end(_one("broker's data lost", broker_wiped, _drawn(seed)))


@app.command("full-disk")
def full_disk(seed: Seed = None) -> None:
    """The database's disk is full for a while; needs to be allowed to mount one."""
    report = _full_disk(_drawn(seed))
    if report is None:
        raise typer.Exit(0)
    _end(report)


@app.command()
def upgrade(seed: Seed = None) -> None:
    """Upgrade to the next release and back, one process after the other, under load."""
    _end(_one("upgrade", rolling(), _drawn(seed), balanced=True))


@app.command("race")
def race_(attempts: Attempts = 20_000, seed: Seed = None) -> None:
    """Let 64 clients fight for few slots."""
    _end(_race(attempts, _drawn(seed)))


@app.command("overload")
def overload_(seconds: Annotated[float, typer.Option(help="How long it lasts.")] = 60.0, seed: Seed = None) -> None:
    """Offer pooling's API three times what it can do."""
    _end(_overload(seconds, _drawn(seed)))


@app.command()
def plants(only: Annotated[list[str] | None, typer.Option(help="One of them; repeatable.")] = None) -> None:
    """Plant each bug, attack as always, and see that the checker finds it."""
    raise typer.Exit(1 if _missed(tuple(only or PLANTS)) else 0)


def _missed(names: Sequence[str]) -> list[str]:
    caught: dict[str, float] = {}
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="polepool-resilience-", ignore_cleanup_errors=True) as base:
            report = asyncio.run(found(name, new_folder(Path(base), "run")))
        console.print(f"planted: {PLANTS[name].says}\n{report}")
        took = time.monotonic() - began
        console.print(f"{'missed' if report.holds else 'found'} after {took:.0f} s")
        if not report.holds and took < WITHIN:
            caught[name] = round(took, 1)
    missed = [name for name in names if name not in caught]
    console.print(f"not found: {', '.join(missed)}" if missed else f"each of {len(names)} was found")
    if set(names) == set(PLANTS):
        page.record_plants(caught)
    return missed


def _full_disk(seed: int) -> Report | None:
    with tempfile.TemporaryDirectory(prefix="polepool-resilience-", ignore_cleanup_errors=True) as base:
        folder = new_folder(Path(base), "run")
        with small_disk(folder) as mounted:
            if mounted:
                return _shown("full disk", asyncio.run(attack(folder, seed, disk_full)))
    console.print("full disk: 1 attack could not run here, mounting isn't allowed")
    return None


def _race(attempts: int, seed: int) -> Report:
    with tempfile.TemporaryDirectory(prefix="polepool-resilience-", ignore_cleanup_errors=True) as base:
        return _shown("race", asyncio.run(race(new_folder(Path(base), "run"), seed, attempts)))


def _one(what: str, harm: Harm, seed: int, *, twice: Sequence[str] = (), balanced: bool = False) -> Report:
    with tempfile.TemporaryDirectory(prefix="polepool-resilience-", ignore_cleanup_errors=True) as base:
        return _shown(
            what, asyncio.run(attack(new_folder(Path(base), "run"), seed, harm, twice=twice, balanced=balanced))
        )


def _overload(seconds: float, seed: int) -> Report:
    return _shown("overload", asyncio.run(overload.attacked(seed, seconds)))


def _shown(what: str, report: Report) -> Report:
    console.print(f"{what}: {report}")
    page.record(what, report)
    return report


def _drawn(seed: int | None) -> int:
    return secrets.randbelow(10**6) if seed is None else seed


def _end(report: Report) -> None:
    raise typer.Exit(0 if report.holds else 1)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    app()
