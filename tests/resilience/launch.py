"""`python -m tests.resilience.launch SERVICE ROLE...`: a service's process, with a failpoint or a planted bug in it."""

import os
import runpy
import sys
from pathlib import Path

from tests.resilience import failpoints, plants, release


def main() -> None:
    """Patch what the environment asks for, then be the service."""
    service = sys.argv[1]
    if tree := os.environ.get(release.VARIABLE):
        release.check(Path(tree), service)
    for name in os.environ.get(plants.VARIABLE, "").split():
        plants.plant(name, service)
    if order := os.environ.get(failpoints.VARIABLE):
        failpoints.arm(order)
    sys.argv = sys.argv[1:]
    runpy.run_module(service, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
