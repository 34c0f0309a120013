"""Records that a group could not handle: kept in `<topic>.dlt`; operators have `dead_letters.commands`."""

from chassis.dead_letters.read import dead_letters, discard
from chassis.dead_letters.record import DeadLetter, Failure
from chassis.dead_letters.sender import Sender

__all__ = ["DeadLetter", "Failure", "Sender", "dead_letters", "discard"]
