"""Records that a group could not handle: kept in `<topic>.dlt`, listed, shown and sent again by command."""

from chassis.dead_letters.commands import commands
from chassis.dead_letters.read import dead_letters, redrive
from chassis.dead_letters.record import DeadLetter, Failure
from chassis.dead_letters.sender import Sender

__all__ = ["DeadLetter", "Failure", "Sender", "commands", "dead_letters", "redrive"]
