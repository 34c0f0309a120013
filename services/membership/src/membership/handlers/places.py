"""Where something is, from what a request names."""

from chassis import communes
from schemas.event import Place


def place_of(insee: str, field: str = "commune") -> Place:
    """The place of a commune by its INSEE code; raises Invalid naming `field`."""
    commune = communes.find(insee, field)
    return Place(commune=commune.insee, name=commune.name, latitude=commune.latitude, longitude=commune.longitude)
