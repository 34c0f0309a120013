"""A place in four columns: commune, commune_name, latitude, longitude."""

from asyncpg import Record

from schemas.event import Place


def place(row: Record) -> Place:
    """The place in a row."""
    return Place(commune=row["commune"], name=row["commune_name"], latitude=row["latitude"], longitude=row["longitude"])


def columns(where: Place) -> tuple[str, str, float, float]:
    """The four columns of a place."""
    return where.commune, where.name, where.latitude, where.longitude
