"""A ledger: one JSON object a line, each on disk before the next thing happens, so that a crash can't unsay it."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

Entry = dict[str, Any]


class Ledger:
    """Appends to a file; whoever returns from `write` knows that the line is on disk."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("ab")

    def write(self, **entry: Any) -> None:
        """Add a line, with the time in seconds as `at`."""
        self._file.write(json.dumps({"at": time.time(), **entry}, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(path: Path) -> Iterator[Entry]:
    """The ledger's entries in order; a last line that a crash cut short is not one."""
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n")[:-1]:
        yield json.loads(line)


class Answers:
    """How many answers of each status the load's ledger holds, read on from where the last look ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._found: Counter[int] = Counter()

    def look(self) -> Counter[int]:
        """The counts until now, by status."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
            for line in whole.split(b"\n") if whole else ():
                entry = json.loads(line)
                if "answer" in entry:
                    self._found[entry["status"]] += 1
            self._read += len(whole) + 1 if whole else 0
        return self._found

    def done(self) -> int:
        """How many commands were answered as done until now."""
        return sum(count for status, count in self.look().items() if 200 <= status < 300)
