"""The booking race: many clients fight for few slots; nothing overlaps, nothing breaks, nobody waits long."""

import json
import time
from collections import Counter
from pathlib import Path

from polepool_local import processes
from tests.resilience.attack import Report
from tests.resilience.cast import cast
from tests.resilience.checker import Verdict, bookings, events
from tests.resilience.evidence import collect, until_quiet
from tests.resilience.raising import raised
from tests.resilience.verdict import verdict

CLIENTS = 64
RESTING = ("notifications-consume", "notifications-mail", "notifications-webhook", "pooling-match",
           "pooling-matcher")  # fmt: skip
"""They catch up afterwards: the race's bound is for bookings on two cores, not for what follows from them."""
APIS = ("pooling-api", "pooling-api-2")
"""A process for each of the two cores, as an operator would run them."""
BOUND = 0.25
"""Seconds within which 99 % of the answers come."""


async def race(folder: Path, seed: int, attempts: int) -> Report:
    """One race, with everything running beside it that runs anyway."""
    async with raised(folder, seed, twice=APIS[:1]) as system:
        await cast(system)
        began = time.time()
        async with system.resting(*RESTING):
            urls = [system.roles[name].url for name in APIS]
            racers = system.start_product("racers", str(CLIENTS), str(attempts), *urls)
            await processes.gone(racers, attempts, 0.1)
        assert (folder / "race.json").exists(), f"no race:\n{processes.tail(folder / 'racers.log')}"
        seconds = time.time() - began
        await until_quiet(system)
        evidence = await collect(system, began)
        said = json.loads((folder / "race.json").read_text())
        report = Report(seed, seconds, Counter(), Counter(said["answers"]))
        report.verdicts = [*_about(said), *(rule(evidence) for rule in (*events.RULES, *bookings.RULES))]
        return report


def _about(said: dict[str, dict[str, int] | list[float]]) -> list[Verdict]:
    answers, seconds = said["answers"], said["seconds"]
    assert isinstance(answers, dict)
    assert isinstance(seconds, list)
    count = sum(answers.values())
    broken = [f"{answer} x {times}" for answer, times in answers.items() if answer[0] not in "24"]
    p99 = seconds[int(len(seconds) * 0.99)]
    late = [] if p99 < BOUND else [f"p99 is {p99 * 1000:.0f} ms"]
    won = answers.get("201", 0)
    return [
        verdict("no answer is a 5xx", count, broken),
        verdict(f"99 % of the answers come within {BOUND * 1000:.0f} ms (p99 {p99 * 1000:.0f} ms)", count, late),
        verdict("slots were fought for", won, [] if 0 < won < count / 2 else [f"{won} of {count} were won"]),
    ]
