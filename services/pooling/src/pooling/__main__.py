"""python -m pooling ROLE..."""

from chassis.process import main
from pooling.app import build

main("pooling", build)
