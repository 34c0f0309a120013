"""Where things are: some 60 × 60 km, as whole metres on a plane first, then as latitude and longitude."""

from dataclasses import dataclass

import numpy as np

from benchmarks.matching.chance import Chance, Whole

SIDE = 60_000
"""Metres."""
SOUTH, WEST = 46.0, -1.0
METRES_NORTH = 111_195
"""Metres of a degree of latitude, and of longitude at 46.27° north, in the middle."""
METRES_EAST = 76_862
TOWNS = 14


@dataclass(frozen=True, slots=True)
class Places:
    """Metres east and north of the south-west corner."""

    east: Whole
    north: Whole

    def degrees(self) -> list[tuple[float, float]]:
        """Latitude and longitude, to a millionth of a degree: without cosines, which needn't be the same everywhere."""
        north = SOUTH + np.round(self.north * 1_000_000 / METRES_NORTH) / 1_000_000
        east = WEST + np.round(self.east * 1_000_000 / METRES_EAST) / 1_000_000
        return list(zip(np.round(north, 6).tolist(), np.round(east, 6).tolist(), strict=True))

    def of(self, chosen: Whole) -> "Places":
        """Those at these indices."""
        return Places(self.east[chosen], self.north[chosen])


def scattered(chance: Chance, name: str, count: int, *, clustered: bool) -> Places:
    """Places of `count` members: anywhere, or four in five in towns of which the first are large."""
    east = chance.whole(f"{name} east", count, 0, SIDE - 1)
    north = chance.whole(f"{name} north", count, 0, SIDE - 1)
    if not clustered:
        return Places(east, north)
    towns = scattered(chance, "towns", TOWNS, clustered=False)
    town = chance.pick(f"{name} town", count, tuple(60 // (rank + 1) for rank in range(TOWNS)))
    inside = chance.happens(f"{name} in town", count, 80)
    east = np.where(inside, towns.east[town] + chance.bell(f"{name} from the centre, east", count, 4_000), east)
    north = np.where(inside, towns.north[town] + chance.bell(f"{name} from the centre, north", count, 4_000), north)
    return Places(np.clip(east, 0, SIDE - 1), np.clip(north, 0, SIDE - 1))
