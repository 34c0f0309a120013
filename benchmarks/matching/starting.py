"""`python -m benchmarks.matching.starting SEED ANSWER.json`: how long a solving process takes before it can be asked.

A process does what the matcher's does to begin with: it solves the little example, by which compiled code is loaded.
Then it is asked for a plan of 1,000 lines, and says when it has the first. This is done twice, in a process of its own
each, as the first may have to compile; the second counts. Seconds are the processor's, from the process's begin.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

LINES = 1_000
FAMILIES = ("fixed", "flexible", "bundles", "units", "everything")


def measure(seed: int, answer: Path) -> None:
    """Run two processes, one after the other; both write the same file."""
    for _ in range(2):
        command = [sys.executable, "-m", "benchmarks.matching.starting", "one", str(seed), str(answer)]
        subprocess.run(command, check=True)  # noqa: S603 - this file


def started(seed: int) -> dict[str, float]:
    """Seconds of processor until this process is ready, and by family from being asked until the first plan."""
    from pooling.matching.problem import Budget
    from pooling.matching.solver import solve
    from pooling.planning.ready import ready as make_ready

    make_ready()
    found = {"ready": time.process_time()}

    from benchmarks.matching.cases import Case

    for family in FAMILIES:
        problem = Case(family, LINES, seed, 0.0).problem()
        began = time.process_time()
        solve(problem, Budget(rounds=0), seed)
        found[family] = time.process_time() - began
    return found


if __name__ == "__main__":
    if sys.argv[1] == "one":
        Path(sys.argv[3]).write_text(json.dumps(started(int(sys.argv[2]))))
    else:
        measure(int(sys.argv[1]), Path(sys.argv[2]))
