"""python -m pooling ROLE..., or `match PROBLEM.json ...`: the matching engine alone, with nothing of the service."""

import sys

from pooling.matching import command

if command.wanted(sys.argv[1:]):
    command.run(sys.argv[2:])
else:
    from chassis.process import main
    from pooling.app import build

    main("pooling", build)
