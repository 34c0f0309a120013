"""Where the real PostgreSQL and Kafka of a test session are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parts:
    """Addresses of the parts that tests run against; the session's fixtures decide which they are."""

    postgres_admin_url: str
    kafka_bootstrap: str
