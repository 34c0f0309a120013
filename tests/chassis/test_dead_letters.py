"""Dead letters are listed, shown, handled after all and discarded by command, whatever they hold."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chassis.consume.effects import Effects
from chassis.consume.redrive import redrive
from chassis.dead_letters.commands import commands, plain
from chassis.errors import Poison
from chassis.outbox import CHANNEL
from chassis.testing import Parts, eventually, produce, read_topic
from chassis.testing.kafka import as_record
from polepool_local.ports import free_ports
from tests.chassis.consuming import House, as_owner, house

HOSTILE = b'\x1b]0;owned\x07[bold]{"x\x00":1}\xff' + "\u202etxt".encode()


async def _command(our: House, *arguments: str, servers: str | None = None, answer: str = "") -> Result:
    """A command of the service, in a thread, since it has an event loop of its own."""
    environment = {"POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": servers or our.parts.kafka_bootstrap}
    app = commands(our.group, our.handlers, lambda: our.settings)
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments), input=answer, env=environment))


async def _bury(our: House, *values: bytes | None) -> list[str]:
    """Have the group give up records with these values; the ids of the letters."""
    records = [replace(as_record(our.event()), value=value) for value in values]
    await produce(our.parts, our.made.TOPIC, records, partition=0)
    async with our.consuming():
        await eventually(lambda: _letters(our, len(values)))
    return [letter.id for letter in await our.letters()]


async def _letters(our: House, count: int) -> bool:
    return len(await our.letters()) == count


async def test_they_are_listed_one_line_each_with_the_cause(parts: Parts) -> None:
    async with house(parts) as our:
        assert (await _command(our, "list")).stdout == f"{our.group} has no dead letters\n"
        ids = await _bury(our, b"no json", None)
        lines = (await _command(our, "list")).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ids
    assert lines[0].endswith("data: Invalid JSON: expected ident at line 1 column 2")
    assert lines[1].endswith("data: null")


async def test_a_hostile_value_is_shown_escaped(parts: Parts) -> None:
    async with house(parts) as our:
        (letter,) = await _bury(our, HOSTILE)
        result = await _command(our, "show", letter)
    assert result.exit_code == 0
    assert all(each.isprintable() or each == "\n" for each in result.stdout)
    assert r'value: \x1b]0;owned\x07[bold]{"x\x00":1}\xff\u202etxt' in result.stdout
    assert f"header ce_type: {our.made.TYPE}" in result.stdout


async def test_redriven_after_the_fix_it_has_its_effect_once_and_is_no_dead_letter(parts: Parts) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = ValueError("no such resource")
        await produce(parts, our.made.TOPIC, [as_record(event)])
        async with our.consuming():
            await eventually(our.letters)
        (letter,) = await our.letters()
        our.broken.clear()
        result = await _command(our, "redrive", letter.id)
        assert (result.exit_code, result.stdout) == (0, f"handled: {letter.id}\n")
        assert await our.count() == 1
        assert await our.letters() == []
        await our.rewind()
        async with our.consuming():
            await eventually(lambda: _committed(our, 1))
        assert await our.count() == 1


async def test_redriving_an_old_record_takes_nothing_newer_of_its_key_from_the_topic(parts: Parts) -> None:
    """Published again it would be the last of its key, and all that a compacted topic keeps."""
    async with house(parts) as our:
        versions = [our.event(version=1)]
        versions += [our.event(versions[0].thing.id, version) for version in (2, 3)]
        records = [as_record(event) for event in versions]
        records[1] = replace(records[1], value=b"{}")
        await produce(parts, our.made.TOPIC, records)
        async with our.consuming():
            await eventually(our.letters)
            await our.reached(2)
        before = await read_topic(parts, our.made.TOPIC)
        assert (await _command(our, "redrive", (await our.letters())[0].id)).exit_code == 1
        assert await read_topic(parts, our.made.TOPIC) == before


async def test_it_is_redriven_with_a_corrected_value(parts: Parts, tmp_path: Path) -> None:
    async with house(parts) as our:
        event = our.event()
        await produce(parts, our.made.TOPIC, [replace(as_record(event), value=b"{}")])
        corrected = tmp_path / "corrected.json"
        corrected.write_bytes(event.data())
        async with our.consuming():
            await eventually(our.letters)
        (letter,) = await our.letters()
        assert (await _command(our, "redrive", letter.id, "--value", str(corrected))).exit_code == 0
        assert [row["thing_id"] for row in await our.effects()] == [event.thing.id]
        assert await our.letters() == []


async def test_a_letter_that_was_cut_says_so_and_is_redriven_with_its_value_only(parts: Parts, tmp_path: Path) -> None:
    async with house(parts) as our:
        event = our.event()
        large = replace(as_record(event), value=b" " * 2_500_000 + event.data())
        await produce(parts, our.made.TOPIC, [large], compression="gzip")
        async with our.consuming():
            (letter,) = await eventually(our.letters)
        assert "\ncut: to 65536 of 2500" in (await _command(our, "show", letter.id)).stdout
        refused = await _command(our, "redrive", letter.id)
        assert refused.exit_code == 1
        assert "headers: give its value with --value\n" in refused.stderr
        corrected = tmp_path / "corrected.json"
        corrected.write_bytes(event.data())
        assert (await _command(our, "redrive", letter.id, "--value", str(corrected))).exit_code == 0
        assert (await our.count(), await our.letters()) == (1, [])


async def test_what_a_redriven_letter_makes_a_service_say_is_relayed_at_once(parts: Parts) -> None:
    async with house(parts) as our, our.pool.acquire() as listening:
        event = our.event()
        our.broken[event.thing.id] = Poison("not yet")
        await produce(parts, our.made.TOPIC, [as_record(event)])
        async with our.consuming():
            await eventually(our.letters)
        our.broken.clear()
        rung: list[object] = []
        await listening.add_listener(CHANNEL, lambda *_: rung.append(1))
        assert (await _command(our, "redrive", "--all")).exit_code == 0
        await eventually(lambda: rung)
        await listening.reset()


async def test_two_groups_letters_of_one_record_are_redriven_apart(parts: Parts) -> None:
    async with house(parts) as our, house(parts) as neighbour:
        other = replace(neighbour, made=our.made, other=our.other)
        event = our.event()
        other.broken[event.thing.id] = our.broken[event.thing.id] = Poison("not yet")
        await produce(parts, our.made.TOPIC, [as_record(event)])
        async with our.consuming(), other.consuming():
            await eventually(our.letters)
            await eventually(other.letters)
        our.broken.clear()
        assert (await _command(our, "redrive", "--all")).exit_code == 0
        assert (await our.count(), await other.count()) == (1, 0)
        assert (await our.letters(), len(await other.letters())) == ([], 1)


async def test_an_event_that_was_handled_meanwhile_is_dropped_without_a_second_effect(parts: Parts) -> None:
    async with house(parts) as our:
        record = as_record(our.event())
        await produce(parts, our.made.TOPIC, [replace(record, value=b"{}"), record])
        async with our.consuming():
            await our.reached(1)
            await eventually(our.letters)
        (letter,) = await our.letters()
        assert not await redrive(Effects(our.handlers, our.pool), our.kafka, letter, record.value)
        assert (await our.count(), await our.letters()) == (1, [])


async def test_all_are_redriven_and_those_that_fail_again_stay_with_their_cause_told(parts: Parts) -> None:
    async with house(parts) as our:
        ids = await _bury(our, b"1", None)
        event = our.event()
        our.broken[event.thing.id] = Poison("not yet")
        await produce(parts, our.made.TOPIC, [as_record(event)])
        async with our.consuming():
            await eventually(lambda: _letters(our, 3))
        our.broken.clear()
        result = await _command(our, "redrive", "--all")
        assert result.exit_code == 1
        assert f"still a dead letter: {ids[1]}: data: null" in result.stderr
        assert [letter.id for letter in await our.letters()] == ids
        assert await our.count() == 1


async def test_redriving_while_the_database_can_not_be_used_is_told_in_one_line_and_changes_nothing(
    parts: Parts,
) -> None:
    async with house(parts) as our:
        event = our.event()
        our.broken[event.thing.id] = Poison("not yet")
        await produce(parts, our.made.TOPIC, [as_record(event)])
        async with our.consuming():
            await eventually(our.letters)
        our.broken.clear()
        await as_owner(our, "REVOKE INSERT ON inbox FROM PUBLIC, {app}")
        result = await _command(our, "redrive", "--all")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "permission denied for table inbox" in result.stderr
        assert len(await our.letters()) == 1


async def test_one_is_discarded_once_that_is_confirmed_and_has_no_effect(parts: Parts) -> None:
    async with house(parts) as our:
        first, second = await _bury(our, b"1", None)
        refused = await _command(our, "discard", first, answer="n\n")
        assert (refused.exit_code, len(await our.letters())) == (1, 2)
        assert (await _command(our, "discard", first, answer="y\n")).exit_code == 0
        assert [letter.id for letter in await our.letters()] == [second]
        assert (await _command(our, "discard", second, "--yes")).stdout == f"discarded: {second}\n"
        assert (await our.letters(), await our.count()) == ([], 0)
        assert (await _command(our, "discard", second, "--yes")).exit_code == 1


async def _committed(our: House, offset: int) -> bool:
    return max((await our.committed()).values()) == offset


async def test_another_groups_letters_are_not_ours(parts: Parts) -> None:
    async with house(parts) as our:
        (letter,) = await _bury(our, b"x")
        stranger = replace(our, group="stranger")
        assert (await _command(stranger, "list")).stdout == "stranger has no dead letters\n"
        assert (await _command(stranger, "redrive", letter)).exit_code == 1
        assert len(await our.letters()) == 1


WRONG: list[tuple[Callable[[Path], list[str]], int, str]] = [
    (lambda _: ["show", "a/b/0/1"], 1, "no dead letter a/b/0/1"),
    (lambda _: ["redrive"], 2, "give an ID or --all"),
    (lambda _: ["redrive", "x", "--all"], 2, "give an ID or --all"),
    (lambda folder: ["redrive", "--all", "--value", str(folder / "large")], 2, "--value goes with an ID"),
    (lambda folder: ["redrive", "x", "--value", str(folder / "large")], 2, "has 65537 bytes"),
    (lambda folder: ["redrive", "x", "--value", str(folder / "none")], 2, "does not exist"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), WRONG)
async def test_a_wrong_command_says_what_is_wrong(
    parts: Parts, tmp_path: Path, arguments: Callable[[Path], list[str]], code: int, says: str
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 65537)
    async with house(parts) as our:
        result = await _command(our, *arguments(tmp_path))
    assert result.exit_code == code
    assert says in result.stderr


async def test_a_broker_that_does_not_answer_is_said_in_one_line(parts: Parts) -> None:
    (port,) = free_ports(1)
    async with house(parts) as our:
        result = await _command(our, "list", servers=f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert result.stderr.startswith("Kafka: ")
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("given", "shown"), [(None, "(null)"), (b"\xff", r"\xff"), ("é\n", "é\\n"), ("\ud800", r"\ud800")]
)
def test_a_value_is_one_line_of_printable_text(given: str | bytes | None, shown: str) -> None:
    assert plain(given) == shown
