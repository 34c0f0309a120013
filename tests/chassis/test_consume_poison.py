"""Records that can't be handled go to the dead-letter topic whole, with the cause; the partition goes on."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest

from chassis.consume.decode import decode
from chassis.db import new_id
from chassis.errors import Poison, Refused
from chassis.testing import Parts, eventually, produce, produce_events, read_topic
from chassis.testing.kafka import Raw, as_record
from tests.chassis.consuming import Thing, ThingEvent, house, sample


class ThingMade(ThingEvent):
    TYPE: ClassVar[str] = "polepool.test.made.v1"
    TOPIC: ClassVar[str] = "polepool.test.things"


class Spent(Refused):
    """There is none left."""


def _with(record: Raw, name: str, value: bytes | None) -> Raw:
    return replace(record, headers=[(each, value if each == name else was) for each, was in record.headers])


def _without(record: Raw, name: str) -> Raw:
    return replace(record, headers=[(each, was) for each, was in record.headers if each != name])


def _data(record: Raw, good: bytes, bad: bytes) -> Raw:
    assert good in (record.value or b"")
    return replace(record, value=(record.value or b"").replace(good, bad))


BAD: dict[str, tuple[Callable[[Raw], Raw], str]] = {
    "a null header": (lambda it: _with(it, "ce_time", None), "header ce_time: null"),
    "a null header that is none of ours": (
        lambda it: replace(it, headers=[*it.headers, ("x", None)]),
        "header x: null",
    ),
    "a header that is not UTF-8": (lambda it: _with(it, "ce_type", b"\xff\xfe"), "header ce_type: not UTF-8"),
    "a header given twice": (lambda it: replace(it, headers=[*it.headers, ("ce_id", b"1")]), "given twice"),
    "no type": (lambda it: _without(it, "ce_type"), "headers missing: ce_type"),
    "no headers": (lambda it: replace(it, headers=[]), "headers missing: ce_id, ce_source, ce_type"),
    "an id that is no uuid": (lambda it: _with(it, "ce_id", b"42"), "header ce_id: "),
    "a time that is none": (lambda it: _with(it, "ce_time", b"noon"), "header ce_time: "),
    "a time without its offset": (lambda it: _with(it, "ce_time", b"2026-11-05T09:00:00"), "header ce_time: "),
    "a time that is a number": (lambda it: _with(it, "ce_time", b"42"), "header ce_time: "),
    "another CloudEvents version": (lambda it: _with(it, "ce_specversion", b"2.0"), "header ce_specversion: '2.0'"),
    "a source that does not own the topic": (
        lambda it: _with(it, "ce_source", b"/polepool/mallory"),
        "header ce_source: '/polepool/mallory' does not own",
    ),
    "a null value": (lambda it: replace(it, value=None), "data: null"),
    "data that is no JSON": (lambda it: replace(it, value=b'{"thing"'), "data: Invalid JSON"),
    "data that is not UTF-8": (lambda it: replace(it, value=b'{"thing": "\xff"}'), "data: Invalid JSON"),
    "data of another schema": (lambda it: replace(it, value=b'{"thing": {"id": 7}}'), "data: thing.id: "),
    "data with a number in a text": (lambda it: _data(it, b'"version":1', b'"version":"1"'), "data: thing.version: "),
    "data with a truth for number": (
        lambda it: _data(it, b'"version":1', b'"version":true'),
        "data: thing.version: ",
    ),
    "data that is too large": (
        lambda it: replace(it, value=(it.value or b"").replace(b'"thing"', b'"thing' + b"g" * 70_000 + b'"', 1)),
        "bytes, over 65536",
    ),
    "deeply nested data": (lambda it: replace(it, value=b"[" * 20_000 + b"]" * 20_000), "data: Invalid JSON"),
    "a null key": (lambda it: replace(it, key=None), "key: None is not the aggregate's id"),
    "a key that is another's": (lambda it: replace(it, key=b"other"), "key: b'other' is not the aggregate's id"),
    "a subject that is another's": (lambda it: _with(it, "ce_subject", b"other"), "header ce_subject: 'other' is not"),
}


@pytest.mark.parametrize(("spoil", "cause"), BAD.values(), ids=BAD.keys())
def test_a_record_is_refused_with_a_cause_that_says_where(spoil: Callable[[Raw], Raw], cause: str) -> None:
    good = as_record(ThingMade(thing=Thing(id=new_id(), version=1)))
    assert decode(good, {ThingMade.TYPE: ThingMade})
    with pytest.raises(Poison) as caught:
        decode(spoil(good), {ThingMade.TYPE: ThingMade})
    assert cause in caught.value.cause


async def test_every_bad_record_reaches_the_dead_letter_topic_whole_and_the_good_ones_have_their_effects(
    parts: Parts,
) -> None:
    async with house(parts) as our:
        written: list[Raw] = []
        bad_ones = [each for name, each in BAD.items() if name != "a null key"]  # the broker refuses that one itself
        for spoil, _ in bad_ones:
            written += [as_record(our.event()), spoil(as_record(our.event()))]
        await produce(parts, our.made.TOPIC, written, partition=1)
        async with our.consuming():
            await our.reached(len(bad_ones))
        letters = await our.letters()
    assert [letter.offset for letter in sorted(letters, key=lambda each: each.offset)] == list(
        range(1, 2 * len(bad_ones), 2)
    )
    for letter in letters:
        bad = written[letter.offset]
        assert (letter.key, letter.value, letter.headers) == (bad.key, bad.value, list(bad.headers))
        assert (letter.topic, letter.partition, letter.attempts) == (our.made.TOPIC, 1, 1)
    causes = {letter.offset: letter.cause for letter in letters}
    assert all(cause in causes[2 * number + 1] for number, (_, cause) in enumerate(bad_ones))


LARGE: dict[str, tuple[Callable[[Raw], Raw], str | None]] = {
    "a value that is not even sent": (lambda it: replace(it, value=b"x" * 3_500_000), "gzip"),
    "a value that the broker refuses": (lambda it: replace(it, value=b"x" * 2_500_000), "gzip"),
    "a key": (lambda it: replace(it, key=b"x" * 3_500_000), "gzip"),
    "headers": (lambda it: replace(it, headers=[*it.headers, *[("x", None)] * 150_000]), None),
}
"""Records that a broker takes, with their compression, but not with what a dead letter says more."""


@pytest.mark.parametrize(("enlarge", "compression"), LARGE.values(), ids=LARGE.keys())
async def test_a_record_too_large_for_its_letter_is_cut_and_the_next_one_has_its_effect(
    parts: Parts, enlarge: Callable[[Raw], Raw], compression: str | None
) -> None:
    async with house(parts, partitions=1) as our:
        large = enlarge(as_record(our.event()))
        await produce(parts, our.made.TOPIC, [large, as_record(our.event())], compression=compression)
        async with our.consuming():
            await our.reached(1)
            (letter,) = await eventually(our.letters)
    key, value = large.key or b"", large.value or b""
    assert (letter.offset, letter.key, letter.value) == (0, key[:1024], value[:65536])
    assert letter.headers[:7] == list(large.headers[:7])
    assert letter.cut == (
        f"{len(letter.value or b'')} of {len(value)} bytes of the value, {len(letter.key or b'')} of {len(key)} bytes"
        f" of the key, {len(letter.headers)} of {len(large.headers)} headers"
    )


async def test_a_refusal_in_the_middle_of_a_batch_takes_only_its_own_message_away(parts: Parts) -> None:
    async with house(parts) as our:
        events = [our.event() for _ in range(40)]
        our.broken[events[17].thing.id] = Spent()
        records = [as_record(event) for event in events]
        before = sample("polepool_dead_letters_total", topic=our.made.TOPIC)
        await produce(parts, our.made.TOPIC, records[::2], partition=0)
        await produce(parts, our.made.TOPIC, records[1::2], partition=1)
        async with our.consuming():
            await our.reached(39)
            await eventually(lambda: sample("polepool_dead_letters_total", topic=our.made.TOPIC) == before + 1)
        (letter,) = await our.letters()
        assert (letter.cause, letter.attempts) == ("Spent: There is none left.", 1)
        assert {row["thing_id"] for row in await our.effects()} == {event.thing.id for event in events} - set(
            our.broken
        )
        assert set((await our.committed()).values()) == {20}


async def test_a_dead_letter_is_not_marked_as_seen(parts: Parts) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = Poison("another tenant")
        await produce_events(parts, [event, our.event()])
        async with our.consuming():
            await our.reached(1)
            await eventually(our.letters)
            assert await our.pool.fetchval("SELECT count(*) FROM inbox") == 1
        assert [letter.cause for letter in await our.letters()] == ["another tenant"]


async def test_a_bug_is_tried_a_few_times_with_pauses_and_then_dead_lettered_with_its_last_line(parts: Parts) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = KeyError("seats")
        await produce_events(parts, [event, *(our.event() for _ in range(5))])
        async with our.consuming():
            await our.reached(5)
            await eventually(our.letters)
        (letter,) = await our.letters()
        assert (letter.cause, letter.attempts) == ("KeyError: 'seats'", 4)
        assert our.tried[event.thing.id] <= 8  # with the batch that found it and one by one, each time


async def test_a_message_that_fails_only_at_first_is_no_dead_letter(parts: Parts) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = RuntimeError("too early")
        await produce_events(parts, [event])
        async with our.consuming():
            await eventually(lambda: our.tried[event.thing.id] >= 3)
            our.broken.clear()
            await our.reached(1)
        assert await our.letters() == []


async def test_the_same_record_given_up_twice_is_one_letter(parts: Parts) -> None:
    async with house(parts, partitions=1) as our:
        await produce(parts, our.made.TOPIC, [replace(as_record(our.event()), value=None)])
        async with our.consuming():
            await eventually(our.letters)
        await our.rewind()
        async with our.consuming():
            await eventually(lambda: _records(parts, our.made.TOPIC + ".dlt", 2))
        assert len(await our.letters()) == 1


async def _records(parts: Parts, topic: str, count: int) -> bool:
    return len(await read_topic(parts, topic)) == count
