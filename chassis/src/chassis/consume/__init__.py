"""Kafka in: a batch of records is one transaction, and nothing is ever skipped in silence.

consumed = effects + already seen + skipped as somebody else's types + dead-lettered.
"""

from chassis.consume.delivery import Delivery, Handler, Handlers, each
from chassis.consume.subscriber import run

__all__ = ["Delivery", "Handler", "Handlers", "each", "run"]
