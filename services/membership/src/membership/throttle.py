"""How often somebody may try a password, in this process: from a network, for an e-mail address, and for both."""

import math
import time
from ipaddress import IPv6Address, IPv6Network, ip_address

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from membership.domain.people import TooManyAttempts
from membership.settings import SignInSettings


class Throttle:
    """Counts attempts to sign in or up; each process has its own count.

    The tight limit is on an e-mail address as tried from one network, so that nobody locks its owner out from
    elsewhere; a wider one on the e-mail address bounds what many networks can guess together.
    """

    def __init__(self, settings: SignInSettings) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._per_address, self._per_both, self._per_email = settings.limits()

    def attempt(self, email: str, address: str) -> None:
        """Count an attempt; raises TooManyAttempts, with the seconds to wait as `retry_after`.

        What one limit refuses, the next ones don't count: the wider the sender, the earlier it is asked.
        """
        network = network_of(address)
        self._count(self._per_address, "address", network)
        self._count(self._per_both, "both", email, network)
        self._count(self._per_email, "email", email)

    def succeeded(self, email: str, address: str) -> None:
        """Forget the attempts for an e-mail address from there: its owner found the password."""
        for limit in self._per_both:
            self._limiter.clear(limit, "both", email, network_of(address))

    def _count(self, limits: list[RateLimitItem], *who: str) -> None:
        for limit in limits:
            if not self._limiter.hit(limit, *who):
                reset = self._limiter.get_window_stats(limit, *who).reset_time
                raise TooManyAttempts(retry_after=max(1, math.ceil(reset - time.time())))


def network_of(address: str) -> str:
    """What one sender has: an IPv4 address, or an IPv6 /64, in which anybody has 2**64 addresses."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Network((int(parsed), 64), strict=False))
    return str(parsed)
