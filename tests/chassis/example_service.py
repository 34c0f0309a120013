"""A whole service, as small as one can be: gardens whose beds are dug and planted. Real ones split it into files."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Response
from pydantic import AwareDatetime, Field

from chassis import outbox
from chassis.access import Identity, Scope
from chassis.db import Tx, new_id, set_scope
from chassis.errors import Invalid, NotFound, Refused, Stale
from chassis.http import Changes, Command, Creates, Opens, Page, Reads, Router, Window, Windowed
from chassis.process import Running, Service, main
from chassis.settings import ServiceSettings
from schemas.event import Event, State

# --- the published language (schemas/) -------------------------------------------------------------------------------


class BedState(State):
    """A bed, as everybody may know it."""

    organisation_id: UUID
    name: str
    plants: int


class BedDug(Event):
    """There is a new bed."""

    TYPE = "polepool.garden.bed_dug.v1"
    TOPIC = "polepool.garden.beds"
    bed: BedState

    @property
    def aggregate(self) -> BedState:
        return self.bed


class BedPlanted(BedDug):
    """Something was planted."""

    TYPE = "polepool.garden.bed_planted.v1"


# --- domain.py: what is true ------------------------------------------------------------------------------------------


class BedFull(Refused):
    """No more than twelve plants fit in a bed."""


class NameTaken(Refused):
    """Another bed has this name."""


@dataclass(frozen=True, slots=True)
class Bed:
    """A bed in a garden."""

    id: UUID
    version: int
    organisation_id: UUID
    name: str
    plants: int

    def public(self) -> BedState:
        """What others may know of it."""
        return BedState(
            id=self.id, version=self.version, organisation_id=self.organisation_id, name=self.name, plants=self.plants
        )

    def plant(self, more: int, expected_version: int) -> tuple["Bed", list[Event]]:
        """Plant some more."""
        if self.version != expected_version:
            raise Stale(version=self.version)
        if self.plants + more > 12:
            raise BedFull(bed_id=str(self.id), room=12 - self.plants)
        planted = Bed(self.id, self.version + 1, self.organisation_id, self.name, self.plants + more)
        return planted, [BedPlanted(bed=planted.public())]


# --- store.py: where it is kept ---------------------------------------------------------------------------------------


async def load_scope(tx: Tx, identity: Identity) -> Scope:
    rows = await tx.fetch("SELECT organisation_id, role FROM gardener WHERE person_id = $1", identity.subject)
    scope = Scope(subject=identity.subject, organisations={row["organisation_id"]: row["role"] for row in rows})
    await set_scope(tx, scope)
    return scope


async def insert_bed(tx: Tx, bed: Bed) -> None:
    try:
        await tx.execute(
            "INSERT INTO bed (id, version, organisation_id, name, plants) VALUES ($1, $2, $3, $4, $5)",
            bed.id,
            bed.version,
            bed.organisation_id,
            bed.name,
            bed.plants,
        )
    except asyncpg.UniqueViolationError as error:
        raise NameTaken(name=bed.name) from error


async def lock_bed(tx: Tx, scope: Scope, bed_id: UUID) -> Bed:
    row = await tx.fetchrow(
        """
        SELECT id, version, organisation_id, name, plants FROM bed
        WHERE id = $1 AND organisation_id = ANY ($2) FOR UPDATE
        """,
        bed_id,
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return Bed(**row)


async def save_bed(tx: Tx, bed: Bed) -> None:
    await tx.execute("UPDATE bed SET version = $2, plants = $3 WHERE id = $1", bed.id, bed.version, bed.plants)


async def find_bed(tx: Tx, scope: Scope, bed_id: UUID) -> BedState:
    row = await tx.fetchrow(
        "SELECT id, version, organisation_id, name, plants FROM bed WHERE id = $1 AND organisation_id = ANY ($2)",
        bed_id,
        list(scope.organisations),
    )
    if row is None:
        raise NotFound
    return Bed(**row).public()


async def count_beds(tx: Tx, _scope: Scope) -> int:
    """A reader that forgot the scope: row-level security is the second wall."""
    return int(await tx.fetchval("SELECT count(*) FROM bed"))


async def list_beds(tx: Tx, scope: Scope, window: Window) -> Page[BedState]:
    rows = await tx.fetch(
        """
        SELECT id, version, organisation_id, name, plants FROM bed
        WHERE organisation_id = ANY ($1) AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3
        """,
        list(scope.organisations),
        window.after,
        window.fetch,
    )
    return window.page([Bed(**row).public() for row in rows])


# --- handlers.py: what happens; the caller owns the transaction -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plant:
    """Plant some in a bed that was read at a version."""

    bed_id: UUID
    plants: int
    expected_version: int


class DigBed(Command):
    """Dig a new bed."""

    organisation_id: UUID
    name: Annotated[str, Field(min_length=1, max_length=80)]
    from_when: AwareDatetime | None = None


class PlantBed(Command):
    """Plant some."""

    plants: Annotated[int, Field(ge=1, le=12)]


async def dig_bed(tx: Tx, scope: Scope, command: DigBed, now: datetime) -> BedState:
    scope.require_organisation(command.organisation_id)
    if command.from_when and command.from_when < now:
        raise Invalid(field="from_when", rule="must not be in the past")
    bed = Bed(new_id(), 1, command.organisation_id, command.name, 0)
    await insert_bed(tx, bed)
    await outbox.append(tx, [BedDug(bed=bed.public())])
    return bed.public()


async def plant_bed(tx: Tx, scope: Scope, command: Plant, now: datetime) -> BedState:
    bed, events = (await lock_bed(tx, scope, command.bed_id)).plant(command.plants, command.expected_version)
    await save_bed(tx, bed)
    await outbox.append(tx, events)
    return bed.public()


async def water_bed(tx: Tx, scope: Scope, bed_id: UUID, now: datetime) -> BedState:
    return (await lock_bed(tx, scope, bed_id)).public()


# --- api.py: HTTP in --------------------------------------------------------------------------------------------------

router = Router(prefix="/v1", tags=["beds"])


@router.post("/beds", status_code=201, response_model=BedState)
async def dig(command: DigBed, edge: Creates) -> Response:
    """Dig a bed."""
    return await edge.create(dig_bed, command)


@router.get("/beds")
async def beds(window: Windowed, edge: Reads) -> Page[BedState]:
    """The beds of one's organisations."""
    return await edge.read(list_beds, window)


@router.get("/beds/{bed_id}")
async def bed(bed_id: UUID, edge: Reads) -> BedState:
    """One bed."""
    return await edge.read(find_bed, bed_id)


@router.post("/beds/{bed_id}/planting", response_model=BedState)
async def plant(bed_id: UUID, command: PlantBed, edge: Changes) -> Response:
    """Plant some in a bed."""
    return await edge.change(plant_bed, Plant(bed_id, command.plants, edge.expected_version))


@router.post("/beds/{bed_id}/watering", response_model=BedState)
async def water_it(bed_id: UUID, edge: Reads) -> Response:
    """Water a bed: takes no body."""
    return await edge.act(water_bed, bed_id)


@router.get("/size")
async def size(edge: Reads) -> dict[str, int]:
    """How many beds one may see."""
    return {"beds": await edge.read(count_beds)}


@router.get("/weather")
async def weather(edge: Opens, q: str = "") -> dict[str, str]:
    """What anybody may know."""
    return {"weather": "rain", "q": q}


# --- app.py: the composition root -------------------------------------------------------------------------------------


async def water(running: Running[ServiceSettings], _built: Mapping[str, Any]) -> None:
    """Water the beds."""
    while not running.stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(running.stop.wait(), 0.05)


async def wilt(_running: Running[ServiceSettings], _built: Mapping[str, Any]) -> None:
    """Crash at once, as a worker with a bug."""
    raise RuntimeError("nobody watered it")


async def drop(_running: Running[ServiceSettings], _built: Mapping[str, Any]) -> None:
    """End by a cancellation that nobody asked for, as a library lets one out."""
    raise asyncio.CancelledError


async def sleep(_running: Running[ServiceSettings], _built: Mapping[str, Any]) -> None:
    """Never notice that the process must end."""
    await asyncio.Event().wait()


def greet(name: str = "you") -> None:
    """Say hello."""
    print(f"hello {name}")  # noqa: T201 - a command talks


def build() -> Service[ServiceSettings]:
    """What the service is made of."""
    return Service(
        settings=ServiceSettings,
        migrations=Path(__file__).parent / "example_migrations",
        routers=[router],
        load_scope=load_scope,
        workers={"water": water, "wilt": wilt, "drop": drop, "sleep": sleep},
        commands={"greet": greet},
    )


if __name__ == "__main__":
    main("garden", build)
