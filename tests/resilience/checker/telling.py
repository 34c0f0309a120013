"""Who was told: both sides of each booking, once in the inbox, once by mail, once by webhook."""

from collections import Counter, defaultdict
from typing import Any

from tests.resilience.evidence import Evidence, parsed
from tests.resilience.verdict import Verdict, verdict

BOOKINGS = "polepool.pooling.bookings"
HOOKED = ("booking_held", "booking_confirmed", "booking_cancelled")


def both_sides_are_told(evidence: Evidence) -> Verdict:
    """Everybody who acts for a side of a booking finds each of its events in the inbox."""
    people: dict[str, list[str]] = defaultdict(list)
    for row in evidence.tables["membership"]["organisation_person"]:
        people[str(row["organisation_id"])].append(str(row["person_id"]))
    told = {(str(row["event_id"]), str(row["person_id"])) for row in evidence.tables["notifications"]["notification"]}
    expected = [
        (str(row["event_id"]), person)
        for row in evidence.outbox("pooling")
        if row["topic"] == BOOKINGS
        for side in ("owner", "requester")
        for person in people[parsed(row["data"])["booking"][f"{side}_organisation_id"]]
    ]
    wrong = [f"{person} was not told of {event}" for event, person in expected if (event, person) not in told]
    return verdict("both sides are told of each booking", len(expected), wrong)


def nobody_is_told_of_nothing(evidence: Evidence) -> Verdict:
    """What people are told of was said."""
    said = {str(row["event_id"]) for row in evidence.events()}
    rows = evidence.tables["notifications"]["notification"]
    wrong = [f"{row['id']}: told of {row['event_id']}" for row in rows if str(row["event_id"]) not in said]
    return verdict("what people are told of was said", len(rows), wrong)


def mails_are_sent(evidence: Evidence) -> Verdict:
    """Every mail that was to be sent came; none that was not; a copy only for a death in the very moment of sending."""
    rows = evidence.tables["notifications"]["mail"]
    got = Counter(each["message_id"].strip("<>").split("@")[0] for each in evidence.mails)
    meant = {str(row["notification_id"]): row["state"] for row in rows}
    wrong = [
        f"{id_}: {state}, came {got[id_]} times" for id_, state in meant.items() if state != "sent" or not got[id_]
    ]
    wrong += [f"{id_}: came, but was meant by nobody" for id_ in got if id_ not in meant]
    return verdict("mails came", len(rows), wrong + _copies(evidence, got, "mail"))


def _copies(evidence: Evidence, got: "Counter[Any]", role: str) -> list[str]:
    """More copies than the sender's (or the database's) deaths can explain: each may repeat what was in its hands."""
    copies = sum(count - 1 for count in got.values())
    deaths = sum(count for name, count in evidence.deaths.items() if name == f"notifications-{role}")
    allowed = 4 * (deaths + evidence.database_deaths)
    return [f"{copies} copies, with {deaths} deaths of the sender"] if copies > allowed else []


def webhooks_are_delivered(evidence: Evidence) -> Verdict:
    """Every booking's event that a side's ERP subscribed to came with a good signature, and nothing else did."""
    hooks = {str(row["organisation_id"]) for row in evidence.tables["notifications"]["webhook"]}
    expected = {
        (side, str(row["event_id"]))
        for row in evidence.outbox("pooling")
        if row["topic"] == BOOKINGS and row["type"].split(".")[2] in HOOKED
        for side in (parsed(row["data"])["booking"][f"{each}_organisation_id"] for each in ("owner", "requester"))
        if side in hooks
    }
    got = Counter((each["name"], each["webhook_id"]) for each in evidence.hooks)
    wrong = [f"{event} did not reach {side}" for side, event in expected if not got[side, event]]
    wrong += [f"{event} reached {side} for nothing" for side, event in got if (side, event) not in expected]
    wrong += [f"{each['webhook_id']}: bad signature" for each in evidence.hooks if not each["verified"]]
    return verdict("webhooks came, signed", len(expected), wrong + _copies(evidence, got, "webhook"))


def nothing_is_left_to_tell(evidence: Evidence) -> Verdict:
    """No news waits, was given up, or failed to be sent."""
    tables = evidence.tables["notifications"]
    wrong = [
        f"news {row['event_id']}: {row['state']}" for row in tables["news"] if row["state"] in ("waiting", "given_up")
    ]
    wrong += [
        f"delivery {row['id']}: {row['state']}" for row in tables["webhook_delivery"] if row["state"] != "delivered"
    ]
    return verdict("nothing is left to tell", len(tables["news"]) + len(tables["webhook_delivery"]), wrong)


RULES = (
    both_sides_are_told,
    nobody_is_told_of_nothing,
    mails_are_sent,
    webhooks_are_delivered,
    nothing_is_left_to_tell,
)
