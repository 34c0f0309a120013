"""How often somebody may try a password: per e-mail address, and per network address, in this process."""

import math
import time

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from membership.domain.people import TooManyAttempts
from membership.settings import SignInSettings


class Throttle:
    """Counts attempts to sign in or up; each process has its own count."""

    def __init__(self, settings: SignInSettings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_email, self._per_address = settings.limits()

    def attempt(self, email: str, address: str) -> None:
        """Count an attempt; raises TooManyAttempts, with the seconds to wait as `retry_after`."""
        waits = [self._wait(limit, "address", address) for limit in self._per_address]
        waits += [self._wait(limit, "email", email) for limit in self._per_email]
        if any(waits):
            raise TooManyAttempts(retry_after=max(waits))

    def succeeded(self, email: str) -> None:
        """Forget the attempts for an e-mail address: its owner found the password."""
        for limit in self._per_email:
            self._limiter.clear(limit, "email", email)

    def _wait(self, limit: RateLimitItem, kind: str, who: str) -> int:
        if self._limiter.hit(limit, kind, who):
            return 0
        reset = self._limiter.get_window_stats(limit, kind, who).reset_time
        return max(1, math.ceil(reset - time.time()))
