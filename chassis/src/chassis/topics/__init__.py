"""Topics as topics.yaml says, on a broker: a plan of what is missing or differs, and its application.

Creates, adds partitions, corrects settings; never removes partitions, settings of others, or topics.
"""

from chassis.topics.apply import apply
from chassis.topics.plan import Change, Setting, Wanted, plan, wanted

__all__ = ["Change", "Setting", "Wanted", "apply", "plan", "wanted"]
