"""Bookings over HTTP beside bare inserts into a table with the same constraint, and where the time goes."""

from datetime import timedelta
from statistics import median

from benchmarks.pipeline.booking_clients import Plan
from benchmarks.pipeline.booking_ground import DAY, DAYS, Ground, answer, ground, offer, settle
from benchmarks.pipeline.children import answer_of
from benchmarks.pipeline.report import Line, at_least, at_most
from benchmarks.pipeline.stand import Stand, opened
from chassis.settings import DatabaseSettings

GROUP = "Booking, 32 clients"
BOOKINGS, QUICK = 3_000, 600
ROUNDS, QUICK_ROUNDS = 5, 1
APIS = 2
"""A process of the API for each of the two cores, as an operator would run them."""
WAYS = ("bare", "handler", "nothing", "http")

Found = dict[str, dict[str, float]]
"""By way: the rate, and µs of processor per booking of those who took part."""


async def measure(stand: Stand) -> list[Line]:
    """All ways in turn, several rounds; each round books other days. The first round only warms up."""
    rounds = stand.size(ROUNDS, QUICK_ROUNDS)
    bare_database = await stand.database()
    async with ground(stand, APIS) as ours:
        async with opened(ours.database) as pool:
            await settle(pool, ours, stand.seed)
        await offer(ours, stand.seed)
        found = [await _round(stand, ours, bare_database, number, rounds) for number in range(rounds + 1)][1:]
        memory = max(api.rss() for api in ours.apis)
    return [*_lines(found), Line(GROUP, "memory of a process of the API", memory, "MB", at_most(150.0))]


async def _round(stand: Stand, ours: Ground, bare: DatabaseSettings, number: int, rounds: int) -> Found:
    found: Found = {}
    for place, way in enumerate(WAYS):
        stand.say(f"booking, round {number} of {rounds}: {way}")
        found[way] = await _way(stand, ours, ours.database if way != "bare" else bare, way, len(WAYS) * number + place)
    return found


async def _way(stand: Stand, ours: Ground, database: DatabaseSettings, way: str, days: int) -> dict[str, float]:
    count = stand.size(BOOKINGS, QUICK)
    apis = {f"api {number}": api.process.pid for number, api in enumerate(ours.apis)}
    beside = {**apis, "database": stand.postgres.pid}
    measured = await answer_of(
        stand.folder, "booking_clients", way, _plan(ours, database, count, stand.seed, days, beside)
    )
    await answer(ours.database)
    used = {"client": measured["cpu"], "api": sum(measured[name] for name in apis), "database": measured["database"]}
    return {"rate": count / measured["seconds"], **{name: spent / count * 1e6 for name, spent in used.items()}}


def _plan(ours: Ground, database: DatabaseSettings, count: int, seed: int, days: int, beside: dict[str, int]) -> Plan:
    assert count <= 48 * len(ours.resources)
    assert days < DAYS
    return Plan(
        database_url=database.url.get_secret_value(),
        urls=ours.urls,
        pole=str(ours.pole),
        organisations=[str(each) for each in ours.organisations[1:]],
        people=[str(each) for each in ours.people[1:]],
        tokens=ours.tokens[1:],
        resources=[str(each) for each in ours.resources],
        day=(DAY + timedelta(days=days)).isoformat(),
        count=count,
        seed=seed,
        beside=beside,
    )


def _lines(found: list[Found]) -> list[Line]:
    def of(way: str, what: str = "rate") -> float:
        return median(each[way][what] for each in found)

    def used(way: str, *by: str) -> str:
        return "µs CPU each: " + ", ".join(f"{name} {of(way, name):.0f}" for name in by)

    ratio = median(each["http"]["rate"] / each["bare"]["rate"] for each in found)
    without = median(each["handler"]["rate"] / each["bare"]["rate"] for each in found)
    every = used("http", "api", "database", "client")
    return [
        Line(GROUP, "bare constraint insert", of("bare"), "/s", note=used("bare", "client", "database")),
        Line(GROUP, "the handler, without HTTP", of("handler"), "/s", note=used("handler", "client", "database")),
        Line(GROUP, "GET /livez, HTTP alone", of("nothing"), "/s", note=used("nothing", "api", "client")),
        Line(GROUP, "booking over HTTP", of("http"), "/s", note=every),
        Line(GROUP, "handler ÷ bare insert", without, "×"),
        Line(GROUP, "booking over HTTP ÷ bare insert", ratio, "×", at_least(0.1), "0.25 is the dream"),
    ]
