"""What resources are called and what is asked of them, in French with its agreement, and in English."""

from collections.abc import Iterable
from dataclasses import dataclass

from pooling.domain import wording
from pooling.matching.problem import Line
from schemas.event import Text


@dataclass(frozen=True, slots=True)
class Noun:
    """A kind of resource, one and several."""

    fr: str
    frs: str
    en: str
    ens: str
    feminine: bool = False

    @property
    def none(self) -> str:
        """« Aucun véhicule »."""
        return f"Aucun{'e' * self.feminine} {self.fr}"

    @property
    def none_of(self) -> str:
        """« Aucun des »."""
        return f"Aucun{'e' * self.feminine} des"

    @property
    def the_only(self) -> str:
        """« Le seul véhicule qui convient »."""
        return f"{'La seule' if self.feminine else 'Le seul'} {self.fr} qui convient"

    @property
    def offered(self) -> str:
        """« proposé »."""
        return f"proposé{'e' * self.feminine}"

    @property
    def taken(self) -> str:
        """« pris »."""
        return "prise" if self.feminine else "pris"

    @property
    def taken_all(self) -> str:
        """« tous pris »."""
        return "toutes prises" if self.feminine else "tous pris"

    def all_fr(self, count: int, is_: str, are: str) -> str:
        """« Le seul véhicule qui convient est », « Les 3 véhicules qui conviennent sont »."""
        return f"{self.the_only} {is_}" if count == 1 else f"Les {count} {self.frs} qui conviennent {are}"

    def all_en(self, count: int, is_: str, are: str) -> str:
        """ "The only vehicle that fits is", "All 3 vehicles that fit are"."""
        return f"The only {self.en} that fits {is_}" if count == 1 else f"All {count} {self.ens} that fit {are}"


NOUNS = {
    "vehicle": Noun("véhicule", "véhicules", "vehicle", "vehicles"),
    "premises": Noun("local", "locaux", "room", "rooms"),
    "staff": Noun("personne", "personnes", "person", "people", feminine=True),
}
OTHER = Noun("ressource", "ressources", "resource", "resources", feminine=True)


def noun(kind: str) -> Noun:
    """The word for a kind; kinds that aren't the service's are just resources."""
    return NOUNS.get(kind, OTHER)


def feature(name: str) -> Text:
    """The word for a feature, or its name."""
    word = wording.FEATURES.get(name)
    return Text(fr=name, en=name) if word is None else Text(fr=word.fr, en=word.en)


def measure(name: str, amount: float) -> Text:
    """« 9 places »; a measure that isn't the service's with its name."""
    if name in wording.MEASURES and amount == int(amount) and amount >= 0:
        return wording.measure(name, int(amount))
    return Text(fr=f"{name} {amount:g}".replace(".", ","), en=f"{name} {amount:g}")


def joined(words: Iterable[Text]) -> Text:
    """With commas between."""
    given = list(words)
    return Text(fr=", ".join(word.fr for word in given), en=", ".join(word.en for word in given))


def features(line: Line) -> Text:
    """What features the line asks for."""
    return joined(feature(name) for name in sorted(line.features))


def measures(line: Line) -> Text:
    """What measures the line asks for."""
    return joined(measure(name, amount) for name, amount in sorted(line.at_least.items()))


def farther(line: Line) -> Text:
    """How far away a resource may be, to the next tenth of a kilometre: never less than it is."""
    return wording.kilometres(-(-round((line.max_km or 0) * 1000) // 100) * 100, exact=True)


def nearer(line: Line) -> Text:
    """How far away a resource may be, to the last tenth of a kilometre: never more than it is."""
    return wording.kilometres(round((line.max_km or 0) * 1000) // 100 * 100, exact=True)
