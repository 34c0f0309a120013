"""One look at the territory: which parts changed, which of them nobody else is planning, and their new plan."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog

from chassis import outbox
from chassis.db import Pool, Tx, as_system, connect, in_transaction
from chassis.settings import DatabaseSettings
from pooling.domain.reasons import late
from pooling.domain.territory import Slot, Territory, Wish, fingerprint, origin_of, parts_of, problem_of, slot_of
from pooling.handlers.plans import Outcome, Proposal, commit
from pooling.matching.problem import Placed, Plan, Problem
from pooling.planning import metrics
from pooling.planning.solving import Solver
from pooling.planning.tasks import Questions, Why
from pooling.store import plans
from pooling.store.plans import Part, Told

NOWHERE = UUID(int=0)
"""The part of the lines that no resource may serve, or that are too late."""

log = structlog.get_logger(__name__)


class Piece(NamedTuple):
    """A part of the territory as it is now, and what its plan rests on."""

    id: UUID
    territory: Territory
    fingerprint: bytes

    @property
    def members(self) -> set[UUID]:
        """Its lines and resources."""
        return {each.line.id for each in self.territory.wishes} | {each.id for each in self.territory.supplies}


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the territory of one database. Several may, in whatever processes: they share the parts."""

    pool: Pool
    database: DatabaseSettings
    solver: Solver
    seconds: float
    every: timedelta
    """After this time a part is planned anew, even if nothing changed."""
    most_lines: int = 500
    """A batch has no more, unless a part is larger: others may take the rest."""

    async def look(self) -> bool:
        """Plan a batch of what is due and free; whether there was any. Raises Unsolved."""
        territory, known = await self._snapshot()
        pieces = await self._divided(territory)
        await self._tidy(pieces, territory.now)
        due = [piece for piece in pieces if self._is_due(piece, known, territory.now)]
        if not due:
            return False
        connection = await connect(self.database)
        try:
            taken = await self._take(connection, due)
            if taken:
                await self._plan(taken)
            return bool(taken)
        finally:
            await connection.close()

    def _is_due(self, piece: Piece, known: dict[UUID, Part], now: datetime) -> bool:
        part = known.get(piece.id)
        return part is None or part.fingerprint != piece.fingerprint or part.solved_at <= now - self.every

    async def _take(self, connection: Tx, due: Sequence[Piece]) -> list[Piece]:
        """Those of which nobody else holds the lock, in any order, a batch at most; held until the connection ends."""
        taken: list[Piece] = []
        for piece in random.sample(due, len(due)):
            if sum(len(each.territory.wishes) for each in taken) >= self.most_lines:
                break
            if await plans.try_lock(connection, piece.id):
                taken.append(piece)
        return taken

    async def _plan(self, taken: Sequence[Piece]) -> None:
        """Plan these parts as they are now that they are locked: one that was planned meanwhile stays as it is."""
        territory, known = await self._snapshot()
        members = [(piece.id, piece.members) for piece in taken]
        pieces = await asyncio.to_thread(_pieces, territory, members)
        due = [piece for piece in pieces if self._is_due(piece, known, territory.now)]
        problems = await asyncio.to_thread(lambda: [problem_of(piece.territory) for piece in due])
        with metrics.SOLVE_SECONDS.time():
            solved = await self.solver.plan(problems, self.seconds)
        proposal = _proposal(due, solved, await self._explained(territory, due, solved))
        outcome = await self._commit(proposal)
        metrics.MOVES.inc(len(outcome.moved))
        metrics.DROPPED.inc(len(outcome.dropped))
        log.info(
            "planned",
            parts=len(due),
            lines=len(proposal.told),
            placed=len(proposal.slots),
            moved=len(outcome.moved),
            dropped=len(outcome.dropped),
            value=sum(plan.value for plan in solved),
            bound=sum(plan.bound for plan in solved),
            seconds=round(sum(plan.seconds for plan in solved), 3),
        )

    async def _explained(self, territory: Territory, due: Sequence[Piece], solved: Sequence[Plan]) -> dict[UUID, Told]:
        """Why those that these plans give no place have none, beside all that is planned in the territory."""
        if all(len(plan.placed) == len(piece.territory.wishes) for piece, plan in zip(due, solved, strict=True)):
            return {}
        problem = await asyncio.to_thread(problem_of, territory)
        whole, without = _whole_plan(problem, due, solved)
        if not without:
            return {}
        titles = {str(supply.id): supply.title for supply in territory.supplies}
        found = await self.solver.explain(problem, whole, Questions(without, origin_of(territory), titles))
        return {UUID(id_): _told(why, territory.now) for id_, why in found.items()}

    async def _snapshot(self) -> tuple[Territory, dict[UUID, Part]]:
        """The whole territory, and how its parts were solved last, at one moment."""
        async with (
            self.pool.acquire(timeout=5) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await as_system(connection)
            return await plans.read(connection, datetime.now(UTC)), await plans.parts(connection)

    async def _divided(self, territory: Territory) -> list[Piece]:
        """Its parts; what no resource may serve is one by itself."""
        problem = await asyncio.to_thread(problem_of, territory)
        nowhere = {wish.line.id for wish in territory.wishes}
        members = []
        for part in await self.solver.divide(problem):
            if part.resources:
                lines, resources = {UUID(id_) for id_ in part.lines}, {UUID(id_) for id_ in part.resources}
                nowhere -= lines
                members.append((min(resources), lines | resources))
        if nowhere:
            members.append((NOWHERE, nowhere))
        return await asyncio.to_thread(_pieces, territory, members)

    async def _tidy(self, pieces: Sequence[Piece], seen_at: datetime) -> None:
        async def work(tx: Tx) -> plans.Measured:
            await as_system(tx)
            await plans.tidy(tx, [piece.id for piece in pieces], seen_at)
            return await plans.measure(tx)

        metrics.show(await in_transaction(self.pool, work))

    async def _commit(self, proposal: Proposal) -> Outcome:
        async def work(tx: Tx) -> tuple[Outcome, plans.Measured]:
            await as_system(tx)
            now = datetime.now(UTC)
            outcome = await commit(tx, proposal, now, now + 4 * self.every)
            return outcome, await plans.measure(tx)

        outcome, measured = await in_transaction(self.pool, work)
        outbox.wake(self.pool)
        metrics.show(measured)
        return outcome


def _pieces(territory: Territory, members: Sequence[tuple[UUID, set[UUID]]]) -> list[Piece]:
    parts = parts_of(territory, [ids for _, ids in members])
    return [Piece(id_, part, fingerprint(part)) for (id_, _), part in zip(members, parts, strict=True)]


def _whole_plan(problem: Problem, pieces: Sequence[Piece], solved: Sequence[Plan]) -> tuple[Plan, list[str]]:
    """These plans with what was planned before outside of these parts; and their lines that have no place."""
    placed = [place for plan in solved for place in plan.placed]
    with_place = {place.line for place in placed}
    own = {str(wish.line.id) for piece in pieces for wish in piece.territory.wishes}
    without = []
    for line in (line for request in problem.requests for line in request.lines):
        if line.id in own and line.id not in with_place:
            without.append(line.id)
        elif line.id not in own and line.current is not None:
            placed.append(Placed(line.id, line.current.resource, line.current.start))
    return Plan(0, 0, tuple(placed)), without


def _told(why: Why, now: datetime) -> Told:
    return Told(why.because, {"reasons": [reason.model_dump(mode="json") for reason in why.reasons]}, now)


def _proposal(pieces: Sequence[Piece], solved: Sequence[Plan], why: Mapping[UUID, Told]) -> Proposal:
    """These plans as what is to be committed; `why` tells of the lines that could be planned and have no place."""
    slots = {}
    for piece, plan in zip(pieces, solved, strict=True):
        wishes = {str(wish.line.id): wish for wish in piece.territory.wishes}
        for placed in plan.placed:
            wish = wishes[placed.line]
            slots[wish.line.id] = slot_of(piece.territory, wish, placed)
    whole = pieces[0].territory if pieces else Territory(datetime.now(UTC), (), (), {})
    wishes_of_all = tuple(wish for piece in pieces for wish in piece.territory.wishes)
    supplies = tuple(supply for piece in pieces for supply in piece.territory.supplies)
    return Proposal(
        territory=Territory(whole.now, wishes_of_all, supplies, whole.partners),
        slots=slots,
        told={
            wish.line.id: why.get(wish.line.id) or _placed_or_late(wish, slots, whole.now)
            for piece in pieces
            for wish in piece.territory.wishes
        },
        parts=[
            (piece.id, piece.fingerprint, plan.value, plan.bound) for piece, plan in zip(pieces, solved, strict=True)
        ],
    )


def _placed_or_late(wish: Wish, slots: Mapping[UUID, Slot], now: datetime) -> Told:
    return Told(None, {}, now) if wish.line.id in slots else _told(Why("late", [late()]), now)
