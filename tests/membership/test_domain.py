"""The rules of membership, without any I/O."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid, Refused
from membership.domain import members, organisations, people, poles, projects
from membership.domain.activities import LABELS, Activity
from membership.domain.members import Member
from membership.domain.organisations import ApiKey, Organisation
from membership.domain.poles import Pole
from schemas.event import MAX_EVENT_BYTES, Event, Place
from schemas.membership import OrganisationChanged, Role, Standing

PLACE = Place(commune="01276", name="Montmerle-sur-Saône", latitude=46.08, longitude=4.76)
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SIRET = "73282932000074"


def an_organisation(manager: UUID) -> Organisation:
    organisation, _ = Organisation.registered(uuid4(), "Le Fournil", SIRET, PLACE, [Activity.FOOD], manager)
    return organisation


def a_key(number: int = 0, lasts: timedelta = timedelta(days=1)) -> ApiKey:
    return ApiKey(UUID(int=number), f"key {number}", NOW + lasts)


def test_a_siret_is_kept_compact() -> None:
    assert organisations.checked_siret(" 732 829 320 00074 ") == SIRET


def test_la_poste_has_its_own_check_digit() -> None:
    assert organisations.checked_siret("35600000049837") == "35600000049837"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("73282932000079", "must have the right check digit"),
        ("7328293200007", "must be 14 digits"),
        ("", "must be 14 digits"),
        ("7328293200007a", "must be 14 digits"),
        ("٧٣٢٨٢٩٣٢٠٠٠٠٧٤", "must be 14 digits"),
    ],
)
def test_a_wrong_siret_is_refused_by_the_rule_that_it_breaks(written: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        organisations.checked_siret(written)
    assert (refused.value.field, refused.value.rule) == ("siret", rule)


@given(st.text(max_size=30))
def test_any_text_is_a_siret_of_fourteen_digits_or_refused(written: str) -> None:
    try:
        kept = organisations.checked_siret(written)
    except Invalid:
        return
    assert len(kept) == 14
    assert kept.isascii()
    assert kept.isdigit()


def test_an_email_is_kept_in_lower_case() -> None:
    assert people.normalised_email("Anne.Dupont@Exemple.ORG") == "anne.dupont@exemple.org"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "a",
        "a@b",
        "a\n@b.org",
        "a@b.org\n",
        "a@b.org\r\nBcc: x@y.org",
        "a\0@b.org",
        "a b@c.org",
        "@b.org",
        "a@[::1]",
    ],
)
def test_what_is_no_email_address_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        people.normalised_email(written)
    assert refused.value.field == "email"


@given(st.one_of(st.emails(), st.text(max_size=60)))
def test_normalising_an_email_twice_changes_nothing_and_leaves_no_control_character(written: str) -> None:
    try:
        kept = people.normalised_email(written)
    except Invalid:
        return
    assert people.normalised_email(kept) == kept
    assert all(character.isprintable() and not character.isspace() for character in kept)


@pytest.mark.parametrize("length", [0, 11, 1025])
def test_a_password_too_short_or_too_long_is_refused(length: int) -> None:
    with pytest.raises(Invalid):
        people.checked_password("x" * length)


def test_a_password_is_the_same_however_its_accents_are_typed() -> None:
    assert people.checked_password("été à la mer!") == people.composed("e\u0301te\u0301 a\u0300 la mer!")


def test_the_only_manager_can_be_neither_removed_nor_demoted() -> None:
    manager = uuid4()
    organisation = an_organisation(manager)
    with pytest.raises(organisations.LastManager):
        organisation.revoked(manager)
    with pytest.raises(organisations.LastManager):
        organisation.granted(manager, Role.CONTRIBUTOR)


def test_a_manager_goes_once_there_is_another() -> None:
    first, second = uuid4(), uuid4()
    organisation, _ = an_organisation(first).granted(second, Role.MANAGER)
    organisation, events = organisation.revoked(first)
    assert organisation.people == {second: Role.MANAGER}
    assert organisation.version == 3
    assert [event.aggregate.version for event in events] == [3]


def test_who_manages_nothing_goes_even_where_nobody_manages() -> None:
    manager, contributor = uuid4(), uuid4()
    organisation, _ = an_organisation(manager).granted(contributor, Role.CONTRIBUTOR)
    organisation, _ = organisation.revoked(manager, even_the_last=True)
    organisation, events = organisation.revoked(contributor)
    assert organisation.people == {}
    assert [event.aggregate.version for event in events] == [4]


def test_the_same_right_again_says_nothing() -> None:
    manager = uuid4()
    organisation = an_organisation(manager)
    assert organisation.granted(manager, Role.MANAGER) == (organisation, [])


def test_expired_keys_go_when_a_new_one_comes() -> None:
    organisation, _ = an_organisation(uuid4()).with_key(a_key(1), NOW)
    organisation, events = organisation.with_key(a_key(2, timedelta(days=9)), NOW + timedelta(days=2))
    assert [key.client_id.int for key in organisation.keys] == [2]
    (event,) = events
    assert isinstance(event, OrganisationChanged)
    assert event.organisation.integrations == (UUID(int=2),)


def test_there_are_at_most_fifty_keys() -> None:
    organisation = an_organisation(uuid4())
    for number in range(50):
        organisation, _ = organisation.with_key(a_key(number), NOW)
    with pytest.raises(organisations.TooManyKeys):
        organisation.with_key(a_key(50), NOW)


def test_the_largest_organisation_fits_in_an_event() -> None:
    organisation, _ = Organisation.registered(uuid4(), "é" * 200, SIRET, PLACE, list(Activity), uuid4())
    events: list[Event] = []
    for _ in range(organisations.MAX_PEOPLE - 1):
        organisation, events = organisation.granted(uuid4(), Role.CONTRIBUTOR)
    for number in range(organisations.MAX_KEYS):
        organisation, events = organisation.with_key(a_key(number), NOW)
    assert len(events[0].data()) <= MAX_EVENT_BYTES
    with pytest.raises(organisations.TooManyPeople):
        organisation.granted(uuid4(), Role.CONTRIBUTOR)


def test_a_pole_needs_a_coordinator_and_is_not_its_own_partner() -> None:
    with pytest.raises(Invalid):
        Pole.opened(uuid4(), "Val de Saône", PLACE, [])
    pole, _ = Pole.opened(uuid4(), "Val de Saône", PLACE, [uuid4()])
    with pytest.raises(Invalid):
        pole.changed(pole.name, [], [])
    with pytest.raises(Invalid):
        pole.changed(pole.name, pole.coordinators, [pole.id])
    with pytest.raises(poles.LastCoordinator):
        pole.without_coordinator(pole.coordinators[0])


def test_the_same_details_of_a_pole_in_another_order_say_nothing() -> None:
    people_ = [uuid4(), uuid4()]
    pole, _ = Pole.opened(uuid4(), "Niort", PLACE, people_)
    assert pole.changed("Niort", people_[::-1] * 2, []) == (pole, [])


ACTS = {"apply": "reapplied", "accept": "accepted", "refuse": "refused", "leave": "left"}


@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=12))
def test_whatever_happens_to_a_member_its_versions_have_no_gap_and_each_event_tells_its_standing(
    acts: list[str],
) -> None:
    member, events = Member.applied(uuid4(), uuid4(), uuid4())
    for act in acts:
        try:
            member, new = getattr(member, ACTS[act])()
        except Refused:
            continue
        events = [*events, *new]
    told = [event.aggregate for event in events]
    assert [state.version for state in told] == list(range(1, len(told) + 1))
    assert told[-1] == member.public()


@pytest.mark.parametrize(
    ("standing", "act", "outcome"),
    [
        (Standing.APPLIED, "accepted", Standing.JOINED),
        (Standing.APPLIED, "refused", Standing.REFUSED),
        (Standing.APPLIED, "left", Standing.LEFT),
        (Standing.APPLIED, "reapplied", members.AlreadyMember),
        (Standing.JOINED, "accepted", Standing.JOINED),
        (Standing.JOINED, "refused", members.ApplicationNotOpen),
        (Standing.JOINED, "left", Standing.LEFT),
        (Standing.JOINED, "reapplied", members.AlreadyMember),
        (Standing.REFUSED, "accepted", members.ApplicationNotOpen),
        (Standing.REFUSED, "refused", Standing.REFUSED),
        (Standing.REFUSED, "left", members.NotAMember),
        (Standing.REFUSED, "reapplied", Standing.APPLIED),
        (Standing.LEFT, "accepted", members.ApplicationNotOpen),
        (Standing.LEFT, "refused", members.ApplicationNotOpen),
        (Standing.LEFT, "left", Standing.LEFT),
        (Standing.LEFT, "reapplied", Standing.APPLIED),
    ],
)
def test_every_step_of_a_membership_is_allowed_or_refused_by_name(
    standing: Standing, act: str, outcome: Standing | type[Refused]
) -> None:
    member = Member(uuid4(), 7, uuid4(), uuid4(), standing)
    if not isinstance(outcome, Standing):
        with pytest.raises(outcome):
            getattr(member, act)()
        return
    after, events = getattr(member, act)()
    assert after.standing is outcome
    assert after.version == (7 if outcome is standing else 8)
    assert len(events) == after.version - 7


def test_every_activity_has_a_label_in_both_languages() -> None:
    assert set(LABELS) == set(Activity)
    assert all(label.fr and label.en for label in LABELS.values())


def test_a_launched_project_tells_its_whole_state() -> None:
    project, (event,) = projects.Project.launched(
        uuid4(), uuid4(), uuid4(), "Un marché", "Chaque jeudi.", [Activity.FOOD, Activity.FOOD], PLACE, NOW
    )
    assert event.aggregate == project.public()
    assert project.public().activities == ("food",)
    assert project.public().version == 1
