"""Every schema that was ever committed, so that today's can be compared with it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

Published = tuple[str, dict[str, dict[str, Any]]]
"""Where some schemas were found, and the schemas by event type."""


def published(home: Path, base: str | None = None) -> list[Published]:
    """The schemas of a folder or a git revision `base`; without one, every version that git's history here holds.

    A shallow clone holds less history and a copy without git none: then less is compared. Raises ValueError when
    `base` is neither a folder nor a revision.
    """
    if base is None:
        return _every_version(home)
    if Path(base).is_dir():
        return [(base, {path.stem: json.loads(path.read_text("utf-8")) for path in Path(base).glob("*.json")})]
    listing = _git(home, "ls-tree", "-r", base, "json/")
    if listing is None:
        raise ValueError(f"{base!r} is neither a folder of schemas nor a revision that git knows here")
    entries = (line.split("\t", 1) for line in listing.splitlines())
    return [(base, {Path(path).stem: _blob(home, meta.split()[2]) for meta, path in entries})]


def _every_version(home: Path) -> list[Published]:
    log = _git(home, "log", "-m", "--raw", "--no-abbrev", "--no-renames", "--relative", "--format=%h", "--", "json/")
    versions: dict[tuple[str, str], str] = {}
    commit = ""
    for line in (log or "").splitlines():
        if not line.startswith(":"):
            commit = line or commit
            continue
        meta, path = line.split("\t", 1)
        blob = meta.split()[3]
        if path.endswith(".json") and set(blob) != {"0"}:
            versions[path, blob] = commit
    return [(commit, {Path(path).stem: _blob(home, blob)}) for (path, blob), commit in versions.items()]


def _blob(home: Path, blob: str) -> dict[str, Any]:
    document = json.loads(_git(home, "cat-file", "blob", blob) or "{}")
    return dict(document)


def _git(home: Path, *arguments: str) -> str | None:
    """What git answers, or None when there is no git, no repository or no such thing."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, "-C", home, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout if done.returncode == 0 else None
