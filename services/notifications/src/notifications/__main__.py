"""`python -m notifications ROLE...`; `--help` lists the roles and commands."""

from chassis.process import main
from notifications.app import build

main("notifications", build)
