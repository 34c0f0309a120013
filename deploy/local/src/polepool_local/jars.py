"""Apache Kafka's jars: resolved once by jgo into `kafka.lock.toml`, then fetched by that lock's hashes only.

`python -m polepool_local.jars` resolves anew.
"""

import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import LockedDependency, LockFile
from jgo.maven import MavenContext
from jgo.parse import Coordinate

KAFKA = ("org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36")
STORE = Path(sys.prefix) / "share" / "polepool" / "jars"


PAUSES = (1.0, 3.0, 9.0)
"""Seconds between tries to fetch a jar: a name that isn't resolved now is a moment later."""


class JarMissing(Exception):
    """A jar can't be had, or is not the one that the lock names."""


def classpath() -> str:
    """The class path of Kafka, every jar checked against the lock; fetches what is missing.

    Raises JarMissing when one can't be fetched, or has another hash than the lock.
    """
    STORE.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(8) as pool:
        return os.pathsep.join(map(str, pool.map(_jar, _lock().dependencies)))


def _lock_path() -> Path:
    return Path(str(files("polepool_local") / "kafka.lock.toml"))


def _lock() -> LockFile:
    return LockFile.load(_lock_path())


def _jar(locked: LockedDependency) -> Path:
    kept = STORE / f"{locked.artifactId}-{locked.version}.jar"
    if kept.exists() and _hash(kept) == locked.sha256:
        return kept
    with tempfile.TemporaryDirectory(dir=STORE) as staging:
        found = _resolve(locked, Path(staging))
        if _hash(found) != locked.sha256:
            raise JarMissing(f"{found.name} has not the hash that the lock names")
        complete = Path(staging) / kept.name
        shutil.copyfile(found, complete)
        complete.replace(kept)  # whole or not at all: two processes may fetch at the same time
    return kept


def _resolve(locked: LockedDependency, staging: Path) -> Path:
    component = _context(staging).project(locked.groupId, locked.artifactId).at_version(locked.version)
    artifact = component.artifact(packaging=locked.packaging)
    for pause in PAUSES:
        try:
            return artifact.resolve()
        except (OSError, RuntimeError):
            time.sleep(pause)
    try:
        return artifact.resolve()
    except (OSError, RuntimeError) as error:
        reason = f"{locked.artifactId} {locked.version} can't be fetched: {error}"
        raise JarMissing(f"{reason}\nWhat was fetched is kept: run it again once the network is there.") from None


def _context(cache: Path) -> MavenContext:
    """Where jars come from: the machine's Maven cache first, then the repositories that jgo is configured with."""
    configured = GlobalSettings.load()
    return MavenContext(
        repo_cache=cache,
        local_repos=[configured.repo_cache],
        remote_repos={"central": MAVEN_CENTRAL_URL, **configured.repositories},
        timeout=60,
    )


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def lock() -> None:
    """Resolve Kafka's jars anew and write the lock."""
    with tempfile.TemporaryDirectory() as staging:
        context = _context(Path(staging))
        wanted = [context.create_dependency(replace(Coordinate.parse(name), scope="compile")) for name in KAFKA]
        inputs, transitive = context.resolver.resolve(wanted)
        needed = [*inputs, *(each for each in transitive if each.scope in ("compile", "runtime"))]
        LockFile.from_resolved_dependencies(needed, environment_name="kafka").save(_lock_path())


if __name__ == "__main__":
    lock()
