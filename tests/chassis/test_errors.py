"""Errors: a code, a status and a sentence each."""

from chassis.errors import Invalid, NotFound, Refused, Stale


class SlotTaken(Refused):
    """The resource is already booked
    for part of this period."""


class KYCMissing(Refused):
    """No."""


def test_a_refusal_has_the_code_of_its_name_and_the_message_of_its_docstring() -> None:
    refusal = SlotTaken(booking_id="b")
    assert (refusal.status, refusal.code, refusal.extra) == (409, "slot_taken", {"booking_id": "b"})
    assert str(refusal) == refusal.message == "The resource is already booked for part of this period."
    assert Stale(version=2).code == "stale"


def test_abbreviations_stay_whole() -> None:
    assert KYCMissing.code == "kyc_missing"


def test_a_subclass_keeps_the_status() -> None:
    class BedUnknown(NotFound):
        """There is no such bed."""

    assert (BedUnknown.status, BedUnknown.code) == (404, "bed_unknown")


def test_what_is_invalid_names_field_and_rule() -> None:
    refusal = Invalid(field="period.end", rule="must come after start")
    assert refusal.status == 422
    assert refusal.extra == {"errors": [{"field": "period.end", "rule": "must come after start"}]}
    assert str(refusal) == "period.end: must come after start"
