"""`python -m tests.resilience.reader FOLDER SEED`: reads the API while faults happen, as two people.

What a member sees of an aggregate must never go back in version, and a stranger must never see any of it.
"""

import asyncio
import random
import sys
from pathlib import Path

import httpx

from tests.resilience.cast import Cast
from tests.resilience.clients import Session
from tests.resilience.ledger import Ledger, read

PAUSE = 0.05


async def run(folder: Path, rng: random.Random) -> None:
    """Read until killed."""
    cast = Cast.load(folder / "cast.json")
    async with httpx.AsyncClient(timeout=5) as http:
        member = Session(cast.players[0].email, http, cast.urls)
        stranger = Session(cast.stranger.email, http, cast.urls)
        with Ledger(folder / "reader.ledger") as ledger:
            while True:
                for path in _paths(folder, cast, rng):
                    await _look(ledger, member, path, "member")
                    await _look(ledger, stranger, path, "stranger")
                    await asyncio.sleep(PAUSE)


def _paths(folder: Path, cast: Cast, rng: random.Random) -> list[str]:
    answers = [each for each in read(folder / "load.ledger") if "answer" in each and each["status"] in (200, 201)]
    recent = [each["body"] for each in answers[-200:] if isinstance(each["body"], dict)]
    bookings = [body["id"] for body in recent if "owner_organisation_id" in body]
    chosen = [f"/v1/bookings/{id_}" for id_ in rng.sample(bookings, min(5, len(bookings)))]
    asked = [body["id"] for body in recent if "lines" in body]
    chosen += [f"/v1/requests/{id_}/plan" for id_ in rng.sample(asked, min(2, len(asked)))]
    return [*chosen, f"/v1/resources/{rng.choice(cast.vans)}"]


async def _look(ledger: Ledger, session: Session, path: str, who: str) -> None:
    try:
        answer = await session.look(path)
    except httpx.HTTPError as error:
        ledger.write(who=who, path=path, error=type(error).__name__)
        return
    body = answer.json() if answer.content else {}
    ledger.write(who=who, path=path, status=answer.status_code, version=body.get("version"), id=body.get("id"))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), random.Random(int(sys.argv[2]))))
