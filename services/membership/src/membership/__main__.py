"""python -m membership ROLE..."""

from chassis.process import main
from membership.app import build

main("membership", build)
