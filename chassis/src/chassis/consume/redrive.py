"""A dead letter handled after all, here and now, by the group that could not.

It isn't published again: it would become the last record of its key in a compacted topic, in the place of newer state,
and every other group would get it too.
"""

from dataclasses import replace

from chassis.consume.effects import Effects
from chassis.dead_letters import DeadLetter, discard
from chassis.errors import Poison
from chassis.settings import KafkaSettings


async def redrive(effects: Effects, kafka: KafkaSettings, letter: DeadLetter, value: bytes | None = None) -> bool:
    """Have the letter's effects, of a corrected `value` if there is one, then take it away; whether there were any.

    There are none when the event was handled meanwhile. Stopped in between, the letter is still there and may be
    handled again. Raises what makes it a dead letter still: `Poison` (also for one that is cut, without a `value`),
    `Refused`, or whatever the handler raises; or `NotReady`, KafkaError or TimeoutError.
    """
    if letter.cut and value is None:
        raise Poison(f"cut to {letter.cut}: give its value with --value")
    delivery = effects.read(letter if value is None else replace(letter, value=value))
    if delivery is None:
        raise Poison("nobody here handles its type")
    new = await effects.have([delivery])
    await discard(kafka, letter)
    return bool(new)
