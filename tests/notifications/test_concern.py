"""What concerns whom, as rules: pure."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from chassis.errors import Poison
from notifications import domain
from notifications.consumer import HANDLERS
from notifications.domain import Facts, Known, Organisation, Pole
from schemas import membership as m
from schemas import pooling as p
from schemas.catalogue import event_types, topics
from schemas.event import Event
from tests.notifications.world import Story, member, project

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def facts(story: Story, *joined: UUID) -> Facts:
    """All that is known of a story, these having joined its pole."""
    organisations = {
        each.organisation.id: Organisation(
            each.organisation.name,
            frozenset(right.person_id for right in each.organisation.people),
            frozenset(each.organisation.activities),
        )
        for each in (story.owner, story.requester)
    }
    return Facts(
        poles={story.pole_id: Pole(story.pole.pole.name, frozenset({story.coordinator}))},
        organisations=organisations,
        titles={
            story.resource.resource.id: story.resource.resource.title,
            story.request.request.id: story.request.request.title,
        },
        joined={story.pole_id: frozenset(joined)},
    )


def told(event: Event, known: Facts) -> set[tuple[UUID, str]]:
    """Who is told, by which text."""
    return {(each.person_id, each.code) for each in domain.tell(event, known)}


def test_an_application_is_told_to_the_coordinators_only() -> None:
    story = Story()
    event = m.MemberApplied(member=member(story.pole_id, story.owner_id, m.Standing.APPLIED))
    assert told(event, facts(story)) == {(story.coordinator, "member_applied")}


@pytest.mark.parametrize(("event", "code"), [(m.MemberJoined, "member_joined"), (m.MemberRefused, "member_refused")])
def test_the_answer_is_told_to_the_organisation_only(event: type[m.MemberEvent], code: str) -> None:
    story = Story()
    answer = event(member=member(story.pole_id, story.owner_id))
    assert told(answer, facts(story)) == {(story.owner_manager, code), (story.owner_contributor, code)}


def test_a_departure_is_told_to_the_organisation_and_the_coordinators() -> None:
    story = Story()
    event = m.MemberLeft(member=member(story.pole_id, story.requester_id, m.Standing.LEFT))
    assert told(event, facts(story)) == {
        (story.requester_manager, "member_left"),
        (story.coordinator, "member_left_pole"),
    }


def test_a_coordinator_who_belongs_to_the_organisation_that_left_is_told_once() -> None:
    story = Story()
    story.coordinator = story.requester_manager
    event = m.MemberLeft(member=member(story.pole_id, story.requester_id, m.Standing.LEFT))
    assert told(event, facts(story)) == {(story.requester_manager, "member_left")}


def test_a_project_reaches_joined_members_whose_activity_fits_and_not_the_lead() -> None:
    story = Story()
    known = facts(story, story.owner_id, story.requester_id)
    assert told(project(story.pole_id, story.requester_id), known) == {
        (story.owner_manager, "project_launched"),
        (story.owner_contributor, "project_launched"),
    }
    assert told(project(story.pole_id, story.requester_id, ["food"]), known) == set()
    assert told(project(story.pole_id, story.requester_id), facts(story)) == set()


def test_somebody_who_also_works_for_the_lead_is_not_told_of_its_project() -> None:
    story = Story(requester_manager=UUID(int=7), owner_contributor=UUID(int=7))
    known = facts(story, story.owner_id, story.requester_id)
    assert told(project(story.pole_id, story.requester_id), known) == {(story.owner_manager, "project_launched")}


def test_a_match_is_told_to_both_sides_in_different_words() -> None:
    story = Story()
    assert told(story.match(), facts(story)) == {
        (story.requester_manager, "match_requester"),
        (story.owner_manager, "match_owner"),
        (story.owner_contributor, "match_owner"),
    }


def test_somebody_on_both_sides_gets_one_notification() -> None:
    story = Story(requester_manager=UUID(int=7), owner_manager=UUID(int=7))
    found = [each for each in domain.tell(story.held(), facts(story)) if each.person_id == UUID(int=7)]
    assert [each.code for each in found] == ["booking_held_requester"]


def test_a_hold_says_until_when_to_answer_and_a_cancellation_who_and_why() -> None:
    story = Story()
    held = story.held()
    [one] = [each for each in domain.tell(held, facts(story)) if each.person_id == story.owner_manager]
    assert one.params["expires_at"] == "2026-11-25T17:00:00+00:00"
    for by in p.CancelledBy:
        gone = story.booking(status=p.BookingStatus.CANCELLED, version=2, cancelled_by=by)
        sides = domain.tell(p.BookingCancelled(booking=gone), facts(story))
        assert {each.code for each in sides} == {"booking_cancelled_owner", "booking_cancelled_requester"}
        assert {each.params["by"] for each in sides} == {by.value}


def test_every_event_that_the_catalogue_gives_to_notifications_is_handled() -> None:
    listed = {
        name: {event_types()[type_] for type_, consumers in topic.events.items() if "notifications" in consumers}
        for name, topic in topics().items()
    }
    assert {name: set(table) for name, table in HANDLERS.items()} == listed


def test_a_resource_or_request_event_tells_nobody() -> None:
    story = Story()
    for event in (story.resource, story.request, story.pole, story.owner):
        assert told(event, facts(story)) == set()


def test_webhooks_get_what_concerns_their_organisation_and_nothing_else() -> None:
    story = Story()
    known, both = facts(story, story.owner_id), {story.owner_id, story.requester_id}
    expected: list[tuple[Event, set[UUID]]] = [
        (story.pole, {story.owner_id}),
        (story.owner, {story.owner_id}),
        (story.requester_joined, {story.requester_id}),
        (project(story.pole_id, story.requester_id), both),
        (story.resource, {story.owner_id}),
        (story.request, {story.requester_id}),
        (story.match(), both),
        (story.held(), both),
    ]
    for event, organisations in expected:
        assert domain.concerned(event, known) == organisations, event.TYPE


def test_what_is_missing_is_named() -> None:
    story = Story()
    nothing = Facts()
    lacking = domain.missing(story.match(), nothing)
    assert lacking.organisations == {story.owner_id, story.requester_id}
    assert lacking.titles == {story.resource.resource.id, story.request.request.id}
    joined_but_unknown = Facts(
        poles=facts(story).poles,
        organisations={story.owner_id: facts(story).organisations[story.owner_id]},
        joined={story.pole_id: frozenset({story.owner_id, story.requester_id})},
    )
    event = project(story.pole_id, story.owner_id)
    assert domain.missing(event, joined_but_unknown).organisations == {story.requester_id}


@pytest.mark.parametrize(
    ("age", "tells", "settled"),
    [
        (timedelta(seconds=1), False, None),
        (domain.PATIENCE, True, None),
        (domain.HISTORY, True, "given_up"),
    ],
)
def test_people_that_are_unknown_are_waited_for_as_long_as_it_is_news(
    age: timedelta, tells: bool, settled: str | None
) -> None:
    story = Story()
    known = Facts(organisations={story.owner_id: facts(story).organisations[story.owner_id]})
    verdict = domain.decide(story.held(), known, NOW - age, NOW)
    assert (bool(verdict.told), verdict.settled) == (tells, settled)
    assert (verdict.again is None) == (settled is not None)


def test_of_a_run_only_what_is_newer_counts_and_the_last_is_kept() -> None:
    story = Story()
    held = story.held()
    confirmed = story.confirmed(held)
    newer = domain.newer({}, [held, confirmed, held])
    assert newer.events == (held, confirmed)
    assert newer.last == {held.booking.id: confirmed}
    known = {held.booking.id: Known(2, domain.tenants(held))}
    assert domain.newer(known, [held, confirmed]).events == ()


@pytest.mark.parametrize("field", ["owner_organisation_id", "owner_pole_id", "requester_organisation_id"])
def test_a_booking_never_changes_sides(field: str) -> None:
    story = Story()
    held = story.held()
    moved = story.confirmed(held).booking.model_copy(update={field: uuid4()})
    with pytest.raises(Poison):
        domain.newer({}, [held, p.BookingConfirmed(booking=moved)])


def test_webhooks_are_retried_by_the_schedule_and_end_when_nothing_gets_through_for_all_of_it() -> None:
    retries = domain.Retries((5, 30, 120), 5)
    assert [domain.fate(500, attempt, retries) for attempt in (1, 2, 3, 4)] == ["postponed"] * 3 + ["failed"]
    assert domain.fate(None, 1, retries) == "postponed"
    assert domain.fate(302, 1, retries) == "postponed"
    assert domain.fate(204, 4, retries) == "delivered"
    assert domain.fate(410, 1, retries) == "gone"
    for attempt, planned in ((1, 5), (2, 30), (3, 120), (9, 120)):
        spread = [domain.delay(attempt, retries, luck).total_seconds() for luck in (0.0, 0.5, 1.0)]
        assert spread == pytest.approx([planned, planned * 1.1, planned * 1.2])
    assert domain.why_disable("failed", NOW - timedelta(seconds=154), retries, NOW) is None
    assert domain.why_disable("postponed", NOW - timedelta(days=9), retries, NOW) is None
    assert domain.why_disable("failed", NOW - timedelta(seconds=155), retries, NOW) == "failing"
    assert domain.why_disable("gone", NOW, retries, NOW) == "gone"
