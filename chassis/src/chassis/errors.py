"""Few errors, each an instruction to the caller: `Refused` (never retry), `Retry` (later), `Poison` (dead-letter)."""

import re
from typing import ClassVar


class Refused(Exception):
    """The request was refused."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refused"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()

    def __init__(self, **extra: object) -> None:
        """`extra` are further JSON-able members of the problem: a conflicting id, alternatives.

        `retry_after`, in whole seconds, is sent as the header of that name, too.
        """
        self.extra = extra
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The class docstring: one sentence for people, in English."""
        return " ".join((type(self).__doc__ or self.code.replace("_", " ")).split())


class NotFound(Refused):
    """There is no such thing here."""

    status = 404


class Forbidden(Refused):
    """Your role does not allow this."""

    status = 403


class Unauthenticated(Refused):
    """A valid access token is needed: Authorization: Bearer <token>."""

    status = 401


class Invalid(Refused):
    """A part of the request is not valid."""

    status = 422

    def __init__(self, *, field: str, rule: str, **extra: object) -> None:
        """Name the `field` by its dotted path in the request, and the `rule` that it breaks as a plain phrase."""
        super().__init__(errors=[{"field": field, "rule": rule}], **extra)
        self.field = field
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class Stale(Refused):
    """It has changed since you read it: read it again, and send its new version in If-Match."""

    status = 412


class PreconditionMissing(Refused):
    """Send the version that you read in If-Match, as the ETag gave it."""

    status = 428


class Retry(Exception):
    """Not now, but later: nothing was done. `after` is in seconds."""

    def __init__(self, cause: str = "not now", *, after: float = 1.0) -> None:
        super().__init__(cause)
        self.after = after


class Poison(Exception):
    """A message that can never be handled: it goes to the dead-letter topic with this cause."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause
