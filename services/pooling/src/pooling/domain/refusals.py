"""What pooling refuses, each with its message for people."""

from chassis.errors import Refused


class SlotTaken(Refused):
    """The resource is already booked for part of this period."""


class NotOffered(Refused):
    """The resource is not offered for the whole of this period."""


class ResourceIsWithdrawn(Refused):
    """The resource is no longer offered."""


class OfferChanged(Refused):
    """What is offered is no longer what you looked at: look at it again before you book."""


class TooManyHolds(Refused):
    """Your organisation has as many holds waiting for an answer as it may: cancel some, or wait for the answers."""


class MatchIsTaken(Refused):
    """You have already taken this match."""


class MatchIsWithdrawn(Refused):
    """This match no longer stands: look at the matches again."""


class LineTaken(Refused):
    """This line of the request already has a live booking."""


class RequestNotOpen(Refused):
    """The request is served or withdrawn."""


class HoldExpired(Refused):
    """The hold lapsed before it was confirmed."""


class BookingEnded(Refused):
    """The booking was cancelled or has expired."""


class BookingStarted(Refused):
    """The booked period has begun: it can no longer be cancelled."""


class NotTheOwner(Refused):
    """Only the organisation that owns the resource can do this."""

    status = 403


class NotAMember(Refused):
    """The organisation is not a member of this pole."""

    status = 403
