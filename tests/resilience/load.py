"""`python -m tests.resilience.load FOLDER SEED CLIENTS BOOTSTRAP`: members at work, whatever happens to the system.

Ends when there is a file `stop` in the folder and nothing is unknown any more.
"""

import asyncio
import random
import sys
from pathlib import Path

import httpx
from aiokafka import AIOKafkaProducer

from tests.resilience.cast import Cast
from tests.resilience.clients import Client, Ground, Session
from tests.resilience.ledger import Ledger
from tests.resilience.operations import OPERATIONS


async def work(client: Client, stop: Path) -> None:
    """Act until told to stop."""
    names, weights = list(OPERATIONS), [weight for weight, _ in OPERATIONS.values()]
    while not stop.exists():  # noqa: ASYNC240 - a look at an inode
        name = client.rng.choices(names, weights)[0]
        await OPERATIONS[name][1](client)
        await asyncio.sleep(client.rng.uniform(0.0, 0.05))


async def run(folder: Path, seed: int, clients: int, bootstrap: str) -> None:
    """Let the clients act until told to stop; wait for the last answer."""
    cast = Cast.load(folder / "cast.json")
    # Some connections stay and some are made anew, so that a process that comes later has its share.
    limits = httpx.Limits(max_connections=clients * 2, max_keepalive_connections=clients // 2)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=5000)
    async with httpx.AsyncClient(timeout=10, limits=limits) as http, producer:
        with Ledger(folder / "load.ledger") as ledger:
            ground = Ground(cast, ledger, Session(cast.coordinator, http, cast.urls), producer)
            players = [cast.players[number % len(cast.players)] for number in range(clients)]
            hands = [
                Client(
                    ground,
                    player,
                    Session(player.email, http, cast.urls, ledger=ledger),
                    random.Random(f"{seed} {number}"),
                )
                for number, player in enumerate(players)
            ]
            await asyncio.gather(*(work(client, folder / "stop") for client in hands))
            ledger.write(done=True)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
