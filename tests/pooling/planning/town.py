"""Two who ask for the same two hours of two vans, and a solving process that can be interrupted."""

from collections.abc import Awaitable, Callable, Sequence

from pooling.handlers import requests
from pooling.handlers.answers import PlannedLine
from pooling.matching.problem import Plan, Problem
from pooling.planning.planner import Planner
from pooling.planning.solving import Solver
from schemas import pooling as p
from tests.pooling.world import Member, World, line, minibus

Between = Callable[[], Awaitable[object]]


class Interrupted(Solver):
    """A solving process, with something that happens once, while it searches."""

    between: Between | None = None

    async def plan(self, problems: Sequence[Problem], seconds: float) -> list[Plan]:
        """Let it happen, then search."""
        between, self.between = self.between, None
        if between is not None:
            await between()
        return await super().plan(problems, seconds)


async def planned(member: Member, request: p.Request) -> PlannedLine:
    """What the plan has for a request of one line."""
    (item,) = (await member.does(lambda tx, scope: requests.plan(tx, scope, request.id, member.world.now))).items
    return item


async def until_quiet(planner: Planner, world: World) -> None:
    """Plan and match anew until nothing is left to do."""
    while await planner.look():
        await world.sweep()


class Town:
    """A pole with two vans, one of them with a ramp, and two who ask for the same two hours, one for the ramp."""

    def __init__(self, owner: Member, easy: Member, needy: Member) -> None:
        self.owner, self.easy, self.needy = owner, easy, needy

    async def fill(self) -> None:
        """Whoever needs no ramp asks first, and the van with the ramp fits better."""
        self.ramp = await self.owner.offer()
        self.plain = await self.owner.offer(what=minibus(20, ramp=False))
        self.first = await self.easy.request(line(8, 10, features=()))
        self.second = await self.needy.request(line(8, 10))
