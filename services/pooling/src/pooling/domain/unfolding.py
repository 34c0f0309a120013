"""What follows when a booking, an offer or a request ends: one change unfolds over all four aggregates."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from pooling.domain import bookings, matches, requests, resources
from schemas.event import Event
from schemas.pooling import Booking, CancelledBy, Match, MatchStatus, Request, RequestStatus, Resource

Ending: TypeAlias = Callable[[Booking], tuple[Booking, list[Event]]]


@dataclass(slots=True)
class Unfolding:
    """What is locked and may change, by id; what has changed so far, and what that says."""

    now: datetime
    resources: dict[UUID, Resource]
    requests: dict[UUID, Request]
    matches: dict[UUID, Match]
    bookings: dict[UUID, Booking]
    changed: set[UUID] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)

    def withdraw_resource(self, resource_id: UUID, by: CancelledBy) -> None:
        """The offer ends, its matches with it, and its bookings to come."""
        resource, events = resources.withdrawn(self.resources[resource_id])
        self.resources[resource_id] = resource
        self._note(resource_id, events)
        self._withdraw_matches(lambda match: match.resource_id == resource_id)
        for booking in list(self.bookings.values()):
            if booking.resource_id == resource_id:
                self.cancel(booking, by)

    def withdraw_request(self, request_id: UUID, by: CancelledBy) -> None:
        """The request ends, its matches with it, and its bookings to come."""
        request, events = requests.dropped(self.requests[request_id])
        self.requests[request_id] = request
        self._note(request_id, events)
        self._withdraw_matches(lambda match: match.request_id == request_id)
        for booking in list(self.bookings.values()):
            if booking.request_id == request_id:
                self.cancel(booking, by)

    def serve_request(self, request_id: UUID, confirmed_lines: set[UUID]) -> None:
        """The request is served if all of its lines are confirmed; then what else was proposed for it goes."""
        request, events = requests.served(self.requests[request_id], confirmed_lines)
        self.requests[request_id] = request
        self._note(request_id, events)
        if events:
            self._withdraw_matches(lambda match: match.request_id == request_id)

    def cancel(self, booking: Booking, by: CancelledBy) -> None:
        """A live booking to come ends; one that has begun or ended stays as it is."""
        if booking.status in bookings.LIVE and booking.period.start > self.now:
            self.end(booking.id, lambda each: bookings.cancelled(each, by, self.now))

    def end(self, booking_id: UUID, ending: Ending) -> None:
        """A booking ends: a served request is open again, and its match is proposed again if it is still true."""
        booking, events = ending(self.bookings[booking_id])
        self.bookings[booking_id] = booking
        self._note(booking_id, events)
        if not events:
            return
        request = self.requests.get(booking.request_id) if booking.request_id else None
        if request is not None:
            request, reopened = requests.reopened(request)
            self.requests[request.id] = request
            self._note(request.id, reopened)
        match = self.matches.get(booking.match_id) if booking.match_id else None
        if match is not None and match.status is MatchStatus.TAKEN:
            again = MatchStatus.PROPOSED if self._can_be_taken(match) else MatchStatus.WITHDRAWN
            self._turn(match, again)

    def _can_be_taken(self, match: Match) -> bool:
        request, resource = self.requests[match.request_id], self.resources[match.resource_id]
        if request.status is not RequestStatus.OPEN or match.period.start <= self.now:
            return False
        line = next(line for line in request.lines if line.id == match.line_id)
        return matches.is_offered(match, line, resource)

    def _withdraw_matches(self, concerned: Callable[[Match], bool]) -> None:
        """Those proposed: one that is taken goes with its booking."""
        for match in list(self.matches.values()):
            if concerned(match) and match.status is MatchStatus.PROPOSED:
                self._turn(match, MatchStatus.WITHDRAWN)

    def _turn(self, match: Match, status: MatchStatus) -> None:
        self.matches[match.id], events = matches.to(status, match)
        self._note(match.id, events)

    def _note(self, changed: UUID, events: list[Event]) -> None:
        if events:
            self.changed.add(changed)
            self.events += events
