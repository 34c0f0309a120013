"""The public instances of the shift minimisation personnel task scheduling problem, as problems of ours.

M. Krishnamoorthy, A. T. Ernst and D. Baatar, Algorithms for large scale shift minimisation personnel task scheduling
problems, European Journal of Operational Research 219 (2012): tasks have fixed times, each worker may do some of them,
and as few workers as possible shall do all. Published as `ptask.zip` at https://github.com/andreas-ernst/Mathprog-ORlib.

A task is worth more than all workers cost, a worker costs 1. The generator wrote the workers of the plan that it
planted first, with their own tasks first, so both are shuffled: else the order would tell the answer.
"""

import tarfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.matching.chance import Chance
from pooling.matching.problem import Line, Problem, Request, Resource

WORTH = 1_000
"""Of a task, in cents; no instance has as many workers."""
KIND, POLE = "worker", "site"


@dataclass(frozen=True, slots=True)
class Instance:
    """Tasks as `[start, end)`, and for each worker the tasks that it may do."""

    name: str
    tasks: tuple[tuple[int, int], ...]
    workers: tuple[tuple[int, ...], ...]

    @property
    def least(self) -> int:
        """Workers that any plan needs: the most tasks that are under way at one moment."""
        return max(sum(start <= at < end for start, end in self.tasks) for at, _ in self.tasks)


def names_in(archive: Path) -> list[str]:
    """The instances of a tar archive, smallest first."""
    with tarfile.open(archive) as files:
        found = [Path(name).stem for name in files.getnames() if name.endswith(".dat")]
    return sorted(found, key=lambda name: int(name.split("_")[3]))


def read(archive: Path, name: str) -> Instance:
    """An instance of a tar archive."""
    with tarfile.open(archive) as files:
        member = next(each for each in files.getmembers() if Path(each.name).stem == name)
        file = files.extractfile(member)
        assert file, f"{name} is no file"
        return parse(name, file.read().decode("ascii"))


def parse(name: str, text: str) -> Instance:
    """An instance from its text: comments, type, tasks, and a line of tasks for each worker."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    count = _number(lines[1], "Jobs")
    tasks = tuple((int(start), int(end)) for start, end in (line.split() for line in lines[2 : 2 + count]))
    workers = lines[3 + count : 3 + count + _number(lines[2 + count], "Qualifications")]
    return Instance(name, tasks, tuple(tuple(int(task) for task in line.split(":")[1].split()) for line in workers))


def _number(line: str, title: str) -> int:
    name, _, number = line.partition("=")
    assert name.strip() == title, line
    return int(number)


def problem_of(instance: Instance, seed: int) -> Problem:
    """The instance with tasks and workers shuffled; placing every task on few workers is worth most."""
    chance = Chance(seed)
    workers = chance.order("workers", len(instance.workers)).tolist()
    able: list[set[str]] = [set() for _ in instance.tasks]
    for at, worker in enumerate(workers):
        for task in instance.workers[worker]:
            able[task].add(f"w{at}")
    horizon = ((min(start for start, _ in instance.tasks), max(end for _, end in instance.tasks)),)
    resources = tuple(Resource(f"w{at}", KIND, (POLE,), free=horizon, opening=1) for at in range(len(workers)))
    return Problem(resources, tuple(
        Request(f"q{at}", POLE, (_line(f"t{at}", instance.tasks[task], able[task]),))
        for at, task in enumerate(chance.order("tasks", len(instance.tasks)).tolist())
    ))  # fmt: skip


def _line(name: str, task: tuple[int, int], able: set[str]) -> Line:
    start, end = task
    return Line(name, KIND, WORTH, end - start, (start, start), only=frozenset(able))


def workers_of(problem_lines: int, cents: int) -> int:
    """Workers of a plan of that value that places every task; for a bound, the fewest that it allows."""
    return WORTH * problem_lines - cents
