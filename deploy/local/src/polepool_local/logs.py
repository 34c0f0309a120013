"""Reading the logs of this machine's processes."""

import time
from collections.abc import Iterator
from pathlib import Path

from polepool_local.home import Home
from polepool_local.processes import tail

LOOK = 0.2  # seconds between two looks for more


def files(home: Home, name: str | None) -> list[Path]:
    """The log of one process, or all of them."""
    if name is not None:
        return [log for log in [home.log(name)] if log.parent == home.log("x").parent and log.exists()]
    return sorted((home.folder / "logs").glob("*.log"))


def lines(logs: list[Path], begin_with: int, *, follow: bool) -> Iterator[tuple[str, str]]:
    """The last lines of each log with the process's name; then, if asked, every further line as it comes."""
    at = {log: log.stat().st_size for log in logs}
    for log in logs:
        yield from ((log.stem, line) for line in tail(log, begin_with).splitlines())
    while follow:
        for log in logs:
            yield from ((log.stem, line) for line in _more(log, at))
        time.sleep(LOOK)


def _more(log: Path, at: dict[Path, int]) -> list[str]:
    """Whole lines written since the last look; a log that started anew is read from its beginning."""
    size = log.stat().st_size if log.exists() else 0
    if size < at[log]:
        at[log] = 0
    if size == at[log]:
        return []
    with log.open("rb") as file:
        file.seek(at[log])
        whole, newline, _ = file.read().rpartition(b"\n")
    at[log] += len(whole) + len(newline)
    return whole.decode(errors="replace").splitlines()
