"""What pooling needs to know beyond what every service does."""

from datetime import timedelta

from pydantic import Field

from chassis.settings import ServiceSettings
from pooling.domain.bookings import USUAL, HoldRules


class PoolingSettings(ServiceSettings):
    """pooling's settings: POLEPOOL_HOLD_HOURS, POLEPOOL_MOST_HOLDS, POLEPOOL_SWEEP_SECONDS, POLEPOOL_PLAN_…."""

    hold_hours: float = Field(default=48, gt=0, le=24 * 31, description="How long a hold waits for its owner's answer.")
    most_holds: int = Field(default=USUAL.most, ge=1, description="How many holds an organisation may have waiting.")
    sweep_seconds: float = Field(default=0.5, gt=0, le=60, description="How often workers look for what is due.")
    plan_seconds: float = Field(default=10, gt=0, le=600, description="How long a plan is searched for.")
    plan_quiet_seconds: float = Field(default=1, gt=0, le=600, description="A plan is made this long after changes.")
    plan_every_seconds: float = Field(default=300, ge=1, le=86_400, description="After this time it is made anew.")
    plan_memory_mb: int = Field(default=2048, ge=512, description="What the solving process may have, in MB.")

    @property
    def hold_rules(self) -> HoldRules:
        """How long a hold waits for its owner's answer, and how many an organisation may have waiting."""
        return HoldRules(timedelta(hours=self.hold_hours), self.most_holds)
