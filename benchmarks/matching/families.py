"""The kinds of problem that are measured: what is asked for, how much of it, and what is offered."""

from dataclasses import dataclass

HOUR = 60
DAY = 24 * HOUR

SIZES = (1_000, 10_000, 100_000)
"""Lines; resources are a quarter of them, one to one as many."""


@dataclass(frozen=True, slots=True)
class Family:
    """How problems of a kind differ from the plainest: one line per request, at a fixed time, one unit, for some hours.

    `eligible` scales how far lines may look, in percent, at the three sizes, so that on average 20 resources suit each
    (10 to 15 where 250 resources in the whole territory hold no more: scarce, units, everything); `offered` is on how
    many days of seven a resource is there; `window` and `step` are minutes.
    """

    name: str
    what: str
    eligible: tuple[int, int, int]
    offered: tuple[int, int] = (2, 4)
    clustered: bool = False
    window: int = 0
    step: int = 30
    bundles: int = 0
    units: int = 1
    whole_days: bool = False
    one_to_one: bool = False
    everything: bool = False

    def reaching(self, lines: int) -> int:
        """`eligible` at this size."""
        return self.eligible[sum(lines > size for size in SIZES[:2])]

    def resources(self, lines: int) -> int:
        """How many there are for that many lines."""
        return lines if self.one_to_one else lines // 4


FAMILIES = {
    family.name: family
    for family in (
        Family("fixed", "fixed intervals, uniform territory", (886, 388, 331)),
        Family("clustered", "fixed intervals, towns", (925, 78, 56), clustered=True),
        Family("scarce", "fixed intervals, resources on one or two days", (1500, 873, 685), offered=(1, 2)),
        Family("plentiful", "fixed intervals, resources nearly every day", (241, 169, 150), offered=(6, 7)),
        Family("days", "one to five whole days, beginning within three", (427, 251, 223), offered=(4, 6),
               window=2 * DAY, step=DAY, whole_days=True),
        Family("flexible", "windows of up to four hours", (886, 388, 331), window=4 * HOUR),
        Family("bundles", "three in five lines in bundles, half of these at one start", (910, 387, 331),
               window=HOUR, bundles=60),
        Family("units", "resources of up to eight units, lines of up to four", (1500, 1076, 845), offered=(1, 2),
               units=8),
        Family("everything", "all of these; busy, buffers, limits, opening, stability, preferences", (1500, 266, 210),
               offered=(1, 3), clustered=True, window=2 * HOUR, bundles=40, units=6, everything=True),
        Family("one-to-one", "all at one time: an assignment", (150, 144, 143), offered=(7, 7), one_to_one=True),
    )
}  # fmt: skip
