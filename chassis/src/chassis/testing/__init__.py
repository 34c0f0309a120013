"""What tests of any service need, shipped beside the seams that it stands on."""

from chassis.testing.database import fresh_database
from chassis.testing.eventually import eventually
from chassis.testing.kafka import fresh_topics, produce, produce_events, read_topic
from chassis.testing.parts import Parts
from chassis.testing.tokens import TokenIssuer

__all__ = [
    "Parts",
    "TokenIssuer",
    "eventually",
    "fresh_database",
    "fresh_topics",
    "produce",
    "produce_events",
    "read_topic",
]
