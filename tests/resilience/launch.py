"""`python -m tests.resilience.launch SERVICE ROLE...`: a service's process, with a failpoint or a planted bug in it."""

import os
import runpy
import sys
from datetime import timedelta
from pathlib import Path

from tests.resilience import failpoints, plants, release

SECOND_LOOK = timedelta(seconds=5)
"""After how long a launched project is told once more here: nothing is quiet before the last one was."""


def main() -> None:
    """Patch what the environment asks for, then be the service."""
    service = sys.argv[1]
    if tree := os.environ.get(release.VARIABLE):
        release.check(Path(tree), service)
    if service == "notifications":
        failpoints.replace("notifications.domain.patience:SECOND_LOOK", lambda _usual: SECOND_LOOK)
    for name in os.environ.get(plants.VARIABLE, "").split():
        plants.plant(name, service)
    if order := os.environ.get(failpoints.VARIABLE):
        failpoints.arm(order)
    sys.argv = sys.argv[1:]
    runpy.run_module(service, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
