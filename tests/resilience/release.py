"""The next release, made from the checkout when it is asked for, so that it never gets stale.

It differs as a release may that rolls: an optional field in public states, a column in a table of each service, and
code that writes and reads both. Each change is a replacement of text; one that doesn't find its text raises, so that
whoever moves the text moves the replacement too.
"""

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("schemas", "chassis", "services/membership", "services/pooling", "services/notifications")
VARIABLE = "POLEPOOL_RESILIENCE_RELEASE"
"""Names, to a process, the folder of the release that it must be of."""
VALUE = "next"
"""What the next release puts into the new field and the new columns."""


class Outdated(Exception):
    """A replacement doesn't find its text: the checkout has changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """A text in a file of the checkout, which is there so many `times`, and what it becomes."""

    path: str
    before: str
    after: str
    times: int = 1


_POOLING = "services/pooling/src/pooling"
_PROJECTS = "services/membership/src/membership/store/projects.py"
_NEWS = "services/notifications/src/notifications/store/news.py"
_ASKED = "launched_at\n        FROM project"
_CONFIRMED = '"version": booking.version + 1, "expires_at": None}'
_OFFERED = 'tuple[Period, ...], Field(description="When it is offered, bookings not deducted.")]\n'

CHANGES = (
    Change("schemas/src/schemas/pooling/bookings.py", "cancelled_by: CancelledBy | None = None\n",
           "cancelled_by: CancelledBy | None = None\n    note: str | None = None\n"),
    Change("schemas/src/schemas/pooling/resources.py", _OFFERED, f"{_OFFERED}    note: str | None = None\n"),
    Change(f"{_POOLING}/domain/bookings.py", "expires_at=min(now + keep, period.start),",
           f'expires_at=min(now + keep, period.start), note="{VALUE}",'),
    Change(f"{_POOLING}/domain/bookings.py", _CONFIRMED, f'{_CONFIRMED[:-1]}, "note": "{VALUE}"}}'),
    Change(f"{_POOLING}/store/bookings.py", 'cancelled_by=row["cancelled_by"],',
           'cancelled_by=row["cancelled_by"], note=row["note"],'),
    Change(f"{_POOLING}/store/bookings.py", "expires_at = NULL WHERE", f"expires_at = NULL, note = '{VALUE}' WHERE"),
    Change(f"{_POOLING}/store/holds.py", "period, price_cents, expires_at)", "period, price_cents, expires_at, note)"),
    Change(f"{_POOLING}/store/holds.py", "$14, $15 FROM gate", f"$14, $15, '{VALUE}' FROM gate"),
    Change(f"{_POOLING}/handlers/resources.py", "resource = Resource(", f'resource = Resource(note="{VALUE}",'),
    Change(f"{_POOLING}/store/resources.py", "return Resource(", f'return Resource(note="{VALUE}",'),
    Change(_PROJECTS, _ASKED, _ASKED.replace("launched_at", "launched_at, note"), times=2),
    Change(_PROJECTS, "longitude, launched_at)", "longitude, launched_at, note)"),
    Change(_PROJECTS, "$11, $12)", f"$11, $12, '{VALUE}')"),
    Change(_NEWS, "received_at, due_at)", "received_at, due_at, note)"),
    Change(_NEWS, "received_at, received_at\n", f"received_at, received_at, '{VALUE}'\n"),
    Change(_NEWS, "body, received_at FROM news", "body, received_at, note FROM news"),
)  # fmt: skip

COLUMNS = {"membership": "project", "pooling": "booking", "notifications": "news"}
"""The table of each service that gets a column."""


async def next_release(checkout: Path, tree: Path) -> Path:
    """Make the next release in the folder `tree`, and let the gate for schemas say that it may roll.

    What is compiled of the engine comes along, as it does in an image: a matcher isn't ready before.
    Raises Outdated, or AssertionError with what the gate says.
    """
    for package in PACKAGES:
        shutil.copytree(checkout / package, tree / package, symlinks=True, ignore=shutil.ignore_patterns("*.pyc"))
    for change in CHANGES:
        _apply(tree, change)
    for service, table in COLUMNS.items():
        _add_migration(tree / "services" / service / "migrations", f"ALTER TABLE {table} ADD COLUMN note text;\n")
    code, said = await run(tree, "schemas", "generate")
    assert code == 0, said
    return tree


def _apply(tree: Path, change: Change) -> None:
    file = tree / change.path
    text = file.read_text()
    if text.count(change.before) != change.times:
        found = text.count(change.before)
        raise Outdated(f"{change.path} has {change.before!r} {found} times, not {change.times}: see {__name__}.CHANGES")
    file.write_text(text.replace(change.before, change.after))


def _add_migration(folder: Path, sql: str) -> None:
    last = max(int(re.sub(r"_.*", "", each.name)) for each in folder.glob("*.sql"))
    (folder / f"{last + 1:04}_pre_note.sql").write_text(sql)


def path(tree: Path) -> str:
    """PYTHONPATH for this release: before the packages that are installed."""
    return os.pathsep.join(str(tree / package / "src") for package in PACKAGES)


def check(tree: Path, service: str) -> None:
    """See that this process imports the packages of the release. Raises ImportError."""
    for package in ("schemas", "chassis", service):
        spec = find_spec(package)
        if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(tree):
            raise ImportError(f"{package} would come from {spec and spec.origin}, not from {tree}")


async def run(tree: Path, *command: str, **environment: str) -> tuple[int, str]:
    """Run a module of this release to its end: its exit code, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path(tree), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")
