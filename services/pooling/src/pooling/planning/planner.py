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
from pooling.domain.territory import Territory, Wish, fingerprint, origin_of, parts_of, problem_of, slot_of
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


class View(NamedTuple):
    """The territory as it was at one moment, and as the engine's problem; how its parts were solved last."""

    version: str
    territory: Territory
    problem: Problem
    parts: dict[UUID, Part]


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
        view = await self._view()
        pieces = await self._divided(view)
        await self._tidy(pieces, view.territory.now)
        due = [piece for piece in pieces if self._is_due(piece, view)]
        if not due:
            return False
        connection = await connect(self.database)
        try:
            taken = await self._take(connection, due)
            if taken:
                await self._plan(*await self._as_they_are(view, taken))
            return bool(taken)
        finally:
            await connection.close()

    def _is_due(self, piece: Piece, view: View) -> bool:
        part = view.parts.get(piece.id)
        since = view.territory.now - self.every
        return part is None or part.fingerprint != piece.fingerprint or part.solved_at <= since

    async def _take(self, connection: Tx, due: Sequence[Piece]) -> list[Piece]:
        """Those of which nobody else holds the lock, in any order, a batch at most; held until the connection ends."""
        taken: list[Piece] = []
        for piece in random.sample(due, len(due)):
            if sum(len(each.territory.wishes) for each in taken) >= self.most_lines:
                break
            if await plans.try_lock(connection, piece.id):
                taken.append(piece)
        return taken

    async def _as_they_are(self, view: View, taken: Sequence[Piece]) -> tuple[View, Sequence[Piece]]:
        """These parts now that they are locked, without those that were planned meanwhile.

        What nobody has written to since isn't read again.
        """
        async with self.pool.acquire(timeout=5) as connection:
            if await plans.version(connection) == view.version:
                return view, taken
        view = await self._view()
        members = [(piece.id, piece.members) for piece in taken]
        pieces = await asyncio.to_thread(_pieces, view.territory, members)
        return view, [piece for piece in pieces if self._is_due(piece, view)]

    async def _plan(self, view: View, due: Sequence[Piece]) -> None:
        """Plan these parts, which are locked."""
        problems = await asyncio.to_thread(lambda: [problem_of(piece.territory) for piece in due])
        with metrics.SOLVE_SECONDS.time():
            solved = await self.solver.plan(problems, self.seconds)
        proposal = _proposal(due, solved, await self._explained(view, due, solved))
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

    async def _explained(self, view: View, due: Sequence[Piece], solved: Sequence[Plan]) -> dict[UUID, Why]:
        """By line of these parts, why it has no place or what else it could have, beside all that is planned."""
        whole, own = _whole_plan(view.problem, due, solved)
        if not own:
            return {}
        titles = {str(supply.id): supply.title for supply in view.territory.supplies}
        found = await self.solver.explain(view.problem, whole, Questions(own, origin_of(view.territory), titles))
        return {UUID(id_): why for id_, why in found.items()}

    async def _view(self) -> View:
        """The whole territory, and how its parts were solved last, at one moment."""
        async with (
            self.pool.acquire(timeout=5) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            await as_system(connection)
            version = await plans.version(connection)
            territory, parts = await plans.read(connection, datetime.now(UTC)), await plans.parts(connection)
        return View(version, territory, await asyncio.to_thread(problem_of, territory), parts)

    async def _divided(self, view: View) -> list[Piece]:
        """Its parts; what no resource may serve is one by itself."""
        nowhere = {wish.line.id for wish in view.territory.wishes}
        members = []
        for part in await self.solver.divide(view.problem):
            if part.resources:
                lines, resources = {UUID(id_) for id_ in part.lines}, {UUID(id_) for id_ in part.resources}
                nowhere -= lines
                members.append((min(resources), lines | resources))
        if nowhere:
            members.append((NOWHERE, nowhere))
        return await asyncio.to_thread(_pieces, view.territory, members)

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
    """These plans with what was planned before outside of these parts; and the lines of these parts."""
    placed = [place for plan in solved for place in plan.placed]
    of_pieces = {str(wish.line.id) for piece in pieces for wish in piece.territory.wishes}
    own = []
    for line in (line for request in problem.requests for line in request.lines):
        if line.id in of_pieces:
            own.append(line.id)
        elif line.current is not None:
            placed.append(Placed(line.id, line.current.resource, line.current.start))
    return Plan(0, 0, tuple(placed)), own


def _told(territory: Territory, wish: Wish, why: Why) -> Told:
    """What is kept of it, as JSON."""
    instead = [
        {
            "period": slot.period.model_dump(mode="json"),
            "resource_id": str(slot.resource_id),
            "difference": each.difference,
        }
        for each in why.instead
        for slot in [slot_of(territory, wish, Placed(str(wish.line.id), each.resource, each.start))]
    ]
    reasons = [reason.model_dump(mode="json") for reason in why.reasons]
    return Told(why.because, {"reasons": reasons, "instead": instead}, territory.now)


def _proposal(pieces: Sequence[Piece], solved: Sequence[Plan], why: Mapping[UUID, Why]) -> Proposal:
    """These plans as what is to be committed; of which lines `why` doesn't tell, it is too late."""
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
            wish.line.id: _told(whole, wish, why.get(wish.line.id) or Why("late", [late()]))
            for piece in pieces
            for wish in piece.territory.wishes
        },
        parts=[
            (piece.id, piece.fingerprint, plan.value, plan.bound) for piece, plan in zip(pieces, solved, strict=True)
        ],
    )
