"""An attack on a system with a bug planted in it: the same attack and the same checker, whichever bug it is."""

import random
from pathlib import Path

from tests.resilience.attack import Report, attack, every_failpoint, random_kills, sessions_cut, until_answered
from tests.resilience.outages import databases_closed
from tests.resilience.system import System

SEED = 1


async def found(name: str, folder: Path) -> Report:
    """What the checker says of a system with this bug."""
    return await attack(folder, SEED, mixed, planted=(name,))


async def mixed(system: System, rng: random.Random) -> None:
    """Some of everything; what needs everybody's being there comes first."""
    await until_answered(system, 200)
    await databases_closed(1, 1.5)(system, rng)
    await sessions_cut(20)(system, rng)
    await every_failpoint(1, ("consume.claimed", "http.recording", "relay.acknowledged"))(system, rng)
    await random_kills(4)(system, rng)
