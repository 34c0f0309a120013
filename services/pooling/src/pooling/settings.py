"""What pooling needs to know beyond what every service does."""

from datetime import timedelta

from pydantic import Field

from chassis.settings import ServiceSettings


class PoolingSettings(ServiceSettings):
    """pooling's settings: POLEPOOL_HOLD_HOURS, POLEPOOL_SWEEP_SECONDS."""

    hold_hours: float = Field(default=48, gt=0, le=24 * 31, description="How long a hold waits for its owner's answer.")
    sweep_seconds: float = Field(default=0.5, gt=0, le=60, description="How often workers look for what is due.")

    @property
    def hold_for(self) -> timedelta:
        """How long a hold waits for its owner's answer."""
        return timedelta(hours=self.hold_hours)
