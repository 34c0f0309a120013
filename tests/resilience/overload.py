"""The overload: three times what a service can do, and what becomes of it.

First 32 clients ask as fast as they are answered: that rate is what can be sustained. Then three times as much is
offered, at times that don't wait for answers, by a process of its own; then half of it; then 32 clients again. Service,
PostgreSQL and the clients share the machine's processors, so what the clients take is told, too.

What a machine can do changes within a minute when others use it as well, by half of it at times. So both rates are
taken again, in short stretches that take turns, and goodput is the mean of what each stretch of overload reaches of the
rates right before and right after it.
"""

import asyncio
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from statistics import mean, median
from typing import Any

import aiohttp
import typer

from benchmarks.pipeline import children
from benchmarks.pipeline.booking_ground import DAY, Ground, ground, offer, settle
from benchmarks.pipeline.stand import Stand, opened, stand
from chassis.db import Tx, as_system, in_transaction
from tests.resilience import attack
from tests.resilience.overload_clients import ACCEPTED, REFUSED, UNSENT, WRONG, Plan
from tests.resilience.verdict import Verdict, verdict

TIMES = 3
ROUNDS = 6
STRETCH = 5.0
"""Seconds: so often, and so long, each rate is taken again."""
AFTER = 10.0
"""Seconds of half the rate, after."""
FINDING = 10.0
"""Seconds to find the sustainable rate in."""
BOUND = 1.0
"""Seconds within which 99 % of what is accepted is answered, however much is offered."""
CROWD = 400
"""Connections that a short stretch of overload begins with: what waits at a time. In a long one they come by and by."""
GOODPUT = 0.9
"""Of the sustainable rate, that is still done."""
WHOLE_WITHIN = 10.0
"""Seconds after the overload."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What was asked for some time, and what came of it. Rates are per second, times in seconds."""

    offered: int
    accepted: int
    refused: int
    wrong: int
    unsent: int
    booked: int
    rate: float
    p50: float
    p99: float
    slowest: float
    shares: dict[str, float]
    """Of a processor: of the clients (`cpu`), the service, the database."""
    outcomes: list[list[Any]]
    slot: int
    statuses: dict[int, int]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run."""

    before: Phase
    during: Phase
    after: Phase
    shares: list[float]
    """Accepted per second in each stretch of overload, as a share of the mean of the sustainable rates around it."""
    whole_after: float
    """Seconds after the overload until everything is accepted as quickly as before; infinite if that never was."""
    booked: int
    """Bookings that were answered so."""
    kept: int
    """Bookings in the database."""


async def run(parts: Stand, seconds: float) -> Report:
    """Set the ground up, offer the loads, and judge."""
    async with ground(parts, 1) as ours:
        async with opened(ours.database) as pool:
            await settle(pool, ours, parts.seed)
        await offer(ours, parts.seed)
        plan = _plan(parts, ours)
        parts.say("warming up")
        warm = await _phase(parts, replace(plan, seconds=4.0))
        parts.say("finding the sustainable rate")
        before = await _phase(parts, replace(plan, seconds=FINDING, seed=parts.seed + 1, first_slot=warm.slot))
        parts.say(f"offering {TIMES} × {before.rate:.0f} requests/s for {seconds:g} s, then half of that rate")
        loud = replace(plan, rate=TIMES * before.rate, seconds=seconds, seed=parts.seed + 2, first_slot=before.slot)
        during = await _phase(parts, loud)
        parts.say(await _reasons(ours))
        quiet = replace(plan, rate=before.rate / 2, seconds=AFTER, seed=parts.seed + 3, first_slot=during.slot)
        after = await _phase(parts, quiet)
        plan = replace(plan, first_slot=after.slot, seconds=STRETCH)
        phases = [await _phase(parts, replace(plan, seed=parts.seed + 4))]
        for round_ in range(ROUNDS):
            parts.say(f"both rates again, {round_ + 1} of {ROUNDS}")
            seed = parts.seed + 5 + 2 * round_
            now = replace(plan, rate=TIMES * phases[-1].rate, clients=CROWD)
            phases.append(await _phase(parts, replace(now, seed=seed, first_slot=phases[-1].slot)))
            phases.append(await _phase(parts, replace(plan, seed=seed + 1, first_slot=phases[-1].slot)))
        kept = await _kept(ours)
    rates = [before.rate, during.rate, *(phase.rate for phase in phases)]
    return Report(
        before=before,
        during=during,
        after=after,
        shares=[rates[at] / mean((rates[at - 1], rates[at + 1])) for at in range(1, len(rates), 2)],
        whole_after=_whole_after(before, after),
        booked=sum(each.booked for each in (warm, before, during, after, *phases)),
        kept=kept,
    )


def _plan(parts: Stand, ours: Ground) -> Plan:
    return Plan(
        url=ours.urls[0],
        pole=str(ours.pole),
        organisations=[str(each) for each in ours.organisations[1:]],
        people_tokens=ours.tokens[1:],
        resources=[str(each) for each in ours.resources],
        day=DAY.isoformat(),
        first_slot=0,
        seed=parts.seed,
        seconds=0.0,
        beside={"api": ours.apis[0].process.pid, "database": parts.postgres.pid},
    )


async def _phase(parts: Stand, plan: Plan) -> Phase:
    child = children.start(parts.folder, "tests.resilience.overload_clients", "load", json.dumps(asdict(plan)))
    try:
        found = await child.answer()
    finally:
        await asyncio.shield(child.stop())
    outcomes = found["outcomes"]
    kinds = Counter(kind for _, _, kind, _ in outcomes)
    in_time = sum(kind == ACCEPTED and due + took <= plan.seconds for due, took, kind, _ in outcomes)
    took = sorted(took for _, took, kind, _ in outcomes if kind == ACCEPTED) or [float("inf")]
    phase = Phase(
        offered=len(outcomes),
        accepted=kinds[ACCEPTED],
        refused=kinds[REFUSED],
        wrong=kinds[WRONG],
        unsent=kinds[UNSENT],
        booked=sum(status == 201 for *_, status in outcomes),
        rate=in_time / found["seconds"],
        p50=median(took),
        p99=took[int(len(took) * 0.99)],
        slowest=took[-1],
        shares=found["shares"],
        outcomes=outcomes,
        slot=found["slot"],
        statuses=dict(sorted(Counter(status for *_, status in outcomes).items())),
    )
    parts.say(_told(phase))
    return phase


def _whole_after(before: Phase, after: Phase) -> float:
    """The first second from which on all is accepted, and mostly within what was the slowest hundredth before."""
    whole = 0.0
    for second in range(int(AFTER)):
        inside = [(took, kind) for due, took, kind, _ in after.outcomes if second <= due < second + 1]
        slow = median(took for took, _ in inside) > before.p99 if inside else False
        if slow or any(kind != ACCEPTED for _, kind in inside):
            whole = second + 1.0
    return whole if whole < AFTER else float("inf")


async def _reasons(ours: Ground) -> str:
    """Why the service refused, as its metrics say."""
    async with aiohttp.ClientSession() as client, client.get(f"{ours.urls[0]}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return ", ".join(line for line in lines if line.startswith("polepool_http_refused_total"))


async def _kept(ours: Ground) -> int:
    async def work(tx: Tx) -> int:
        await as_system(tx)
        return int(await tx.fetchval("SELECT count(*) FROM booking"))

    async with opened(ours.database) as pool:
        return await in_transaction(pool, work)


async def attacked(seed: int, seconds: float) -> attack.Report:
    """The run as a report like any other attack's."""
    async with stand(seed, False, lambda what: typer.echo(f"{datetime.now(UTC):%H:%M:%S} {what}")) as parts:
        report = await run(parts, seconds)
    during = report.during
    outcomes = {"accepted": during.accepted, "refused with Retry-After": during.refused, "unsent": during.unsent}
    return attack.Report(
        seed,
        seconds,
        Counter({f"{TIMES} times the sustainable rate": 1}),
        Counter(outcomes),
        _judged(report),
    )


def _judged(report: Report) -> list[Verdict]:
    before, during = report.before, report.during
    goodput = mean(report.shares)
    told = f"{goodput:.0%}: {', '.join(f'{share:.0%}' for share in report.shares)}"
    whole = report.whole_after <= WHOLE_WITHIN
    return [
        verdict(
            "what is refused gets 429 or 503 with Retry-After",
            during.offered,
            [f"{during.wrong} got something else"] if during.wrong else [],
        ),
        verdict(
            f"99 % of what is accepted is answered within {BOUND:g} s (p99 {during.p99 * 1000:.0f} ms, "
            f"{before.p99 * 1000:.0f} ms before)",
            during.accepted,
            [f"p99 is {during.p99:.2f} s"] if during.p99 > BOUND else [],
        ),
        verdict(
            f"goodput is at least {GOODPUT:.0%} of the sustainable rate ({told}; {before.rate:.0f}/s)",
            during.accepted,
            [f"it is {goodput:.0%}"] if goodput < GOODPUT else [],
        ),
        verdict(
            f"it is whole again within {WHOLE_WITHIN:g} s (after {report.whole_after:g} s)",
            report.after.offered,
            [] if whole else [f"only after {report.whole_after:g} s"],
        ),
        verdict(
            "each booking that was answered is kept",
            report.booked,
            [f"{report.kept} are"] if report.kept < report.booked else [],
        ),
    ]


def _told(phase: Phase) -> str:
    shares = ", ".join(f"{'clients' if who == 'cpu' else who} {share:.0%}" for who, share in phase.shares.items())
    return (
        f"offered {phase.offered}, accepted {phase.accepted} ({phase.rate:.0f}/s), refused {phase.refused}, "
        f"wrong {phase.wrong}, unsent {phase.unsent}; accepted p50 {phase.p50 * 1000:.0f} ms, "
        f"p99 {phase.p99 * 1000:.0f} ms, slowest {phase.slowest * 1000:.0f} ms; processor: {shares}; {phase.statuses}"
    )
