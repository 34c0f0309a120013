"""Explanations as people read them, in French and English.

A sentence counts what stands in the way and never tells whose it is: a taken vehicle is one of three that are taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from pooling.domain import wording
from pooling.domain.reasons import cost, distance, reason
from pooling.matching.explaining import nouns, offers
from pooling.matching.explanations import CONDITIONS, Because, PlacedLine, UnplacedLine
from pooling.matching.problem import Current, Line
from schemas.pooling import Reason

Language = Literal["fr", "en"]
POSSIBLE = {
    Because.LIMIT: ("La limite fixée à ces demandes est atteinte", "The limit set for these requests is reached"),
    Because.NOT_WORTH_IT: (
        "Possible, mais le coût dépasserait ce que la demande vaut",
        "Possible, but it would cost more than it is worth",
    ),
    Because.TIME: (
        "Possible, mais le calcul du plan s’est arrêté avant",
        "Possible, but the search for the plan ended before",
    ),
}
"""Why a line isn't placed although there is a place."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: `when` turns a minute of the problem into a moment with its zone.

    `name_of` is what a resource is called, or None for one that this reader may not be told of.
    """

    when: Callable[[int], datetime]
    name_of: Callable[[str], str | None]


def sentences(explained: PlacedLine | UnplacedLine, language: Language, reader: Reader) -> list[str]:
    """Why a line is where it is; or what stands in its way, and then what would help."""
    return [str(getattr(reason.text, language)) for reason in reasons(explained, reader)]


def reasons(explained: PlacedLine | UnplacedLine, reader: Reader) -> list[Reason]:
    """The same in both languages, with codes that stay."""
    if isinstance(explained, PlacedLine):
        return list(_why(explained))
    return [_binding(explained), *_offers(explained, reader)]


def _why(placed: PlacedLine) -> Iterator[Reason]:
    yield _choice(placed)
    score, line = placed.score, placed.line
    if score.metres:
        yield distance(score.metres)
    yield cost(score.price, timedelta(minutes=line.minutes))
    liked = [nouns.feature(name) for name, cents in sorted(score.bonuses.items()) if cents]
    if liked:
        fr, en = ", ".join(each.fr for each in liked), ", ".join(each.en for each in liked)
        yield reason("preferred", f"Répond à une préférence{wording.NBSP}: {fr}", f"As preferred: {en}")
    if line.current == Current(placed.resource, placed.start):
        yield reason("kept", "Inchangé depuis la dernière proposition", "Unchanged since it was last proposed")
    elif line.current is not None:
        yield reason("moved", "Différent de la dernière proposition", "Not where it was last proposed")


def _choice(placed: PlacedLine) -> Reason:
    if not placed.alternatives:
        return reason("only", "Seule place possible", "The only place possible")
    more = placed.alternatives[0].difference
    amount = wording.money(abs(more))
    if more < 0:
        fr, en = f"le suivant vaut {amount.fr} de moins", f"the next one is worth {amount.en} less"
        return reason("best", f"Meilleur choix{wording.NBSP}: {fr}", f"The best choice: {en}")
    if more == 0:
        return reason("as_good", "Aussi bon que le meilleur autre choix", "As good as the best other choice")
    return reason(
        "not_best", f"Un autre choix vaudrait {amount.fr} de plus", f"Another choice is worth {amount.en} more"
    )


def _binding(unplaced: UnplacedLine) -> Reason:
    """The condition that leaves the line without a place."""
    counts = dict(unplaced.funnel)
    noun, line = nouns.noun(unplaced.line.kind), unplaced.line
    match unplaced.because:
        case Because.NO_SUCH_RESOURCE:
            return _no_such(line, noun, next(name for name in CONDITIONS if not counts[name]))
        case Because.TOO_FAR:
            far = nouns.nearer(line)
            return reason(
                "too_far",
                f"{noun.all_fr(counts['units'], 'est', 'sont')} à plus de {far.fr}",
                f"{noun.all_en(counts['units'], 'is', 'are')} more than {far.en} away",
            )
        case Because.TOO_DEAR:
            most = wording.money(line.max_price or 0)
            return reason(
                "too_dear",
                f"{noun.all_fr(counts['distance'], 'coûte', 'coûtent')} plus de {most.fr}",
                f"{noun.all_en(counts['distance'], 'costs', 'cost')} more than {most.en}",
            )
        case Because.NOT_FREE:
            return _not_free(noun, counts["price"])
        case Because.TAKEN:
            return _taken(noun, counts["free"])
        case Because.BUNDLE:
            return _bundle(len(unplaced.mates))
        case Because.LIMIT | Because.NOT_WORTH_IT | Because.TIME:
            return reason(unplaced.because.name.lower(), *POSSIBLE[unplaced.because])
        case _:
            assert_never(unplaced.because)


def _no_such(line: Line, noun: nouns.Noun, condition: str) -> Reason:
    code = f"no_such_resource.{condition}"
    if condition == "kind":
        return reason(code, f"{noun.none} n’est {noun.offered}", f"No {noun.en} is offered")
    if condition == "pole":
        return reason(code, f"{noun.none} n’est {noun.offered} à votre pôle", f"No {noun.en} is offered to your pole")
    if condition == "only":
        return reason(
            code,
            f"{noun.none_of} {noun.frs} que vous acceptez n’est {noun.offered} à votre pôle",
            f"None of the {noun.ens} that you accept is offered to your pole",
        )
    if condition == "units":
        return reason(
            code,
            f"{noun.none} n’a les {line.units} unités demandées",
            f"No {noun.en} has the {line.units} units asked for",
        )
    asked = nouns.features(line) if condition == "features" else nouns.measures(line)
    return reason(
        code,
        f"{noun.none} n’a tout ce qui est demandé{wording.NBSP}: {asked.fr}",
        f"No {noun.en} has all that is asked for: {asked.en}",
    )


def _not_free(noun: nouns.Noun, count: int) -> Reason:
    if count == 1:
        fr, en = f"{noun.the_only} n’est pas {noun.offered}", f"The only {noun.en} that fits is not offered"
    else:
        fr = f"{noun.none_of} {count} {noun.frs} qui conviennent n’est {noun.offered}"
        en = f"None of the {count} {noun.ens} that fit is offered"
    return reason("not_free", f"{fr} à ce moment-là", f"{en} at that time")


def _taken(noun: nouns.Noun, count: int) -> Reason:
    taken = noun.taken if count == 1 else f"{noun.taken_all}"
    return reason(
        "taken",
        f"{noun.all_fr(count, 'est', 'sont')} {taken} à ce moment-là",
        f"{noun.all_en(count, 'is', 'are')} taken at that time",
    )


def _bundle(mates: int) -> Reason:
    if mates == 0:
        return reason(
            "bundle",
            "Possible à part, mais pas avec le reste de la demande",
            "Possible by itself, but not with the rest of the request",
        )
    if mates == 1:
        return reason(
            "bundle",
            "Possible, mais un autre besoin de la même demande ne l’est pas, et l’un ne va pas sans l’autre",
            "Possible, but another need of the same request is not, and they go together",
        )
    return reason(
        "bundle",
        f"Possible, mais {mates} autres besoins de la même demande ne le sont pas, et tout va ensemble",
        f"Possible, but {mates} other needs of the same request are not, and they go together",
    )


def _offers(unplaced: UnplacedLine, reader: Reader) -> Iterator[Reason]:
    for each in unplaced.near_misses:
        fr, en = offers.offer(unplaced.line, each, reader.when)
        name = reader.name_of(each.resource)
        called = f" ({name})" if name else ""
        yield reason(f"possible.{each.changed}", f"Possible {fr}{called}", f"Possible {en}{called}")
