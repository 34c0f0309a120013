"""Which real PostgreSQL and Kafka this session's tests run against: addresses given, containers, or the local parts."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from chassis.testing import Parts
from polepool_local import reaper, testing
from tests import containers

POSTGRES, KAFKA, FORCE = "POLEPOOL_TEST_POSTGRES_URL", "POLEPOOL_TEST_KAFKA", "POLEPOOL_TEST_PARTS"


@dataclass(frozen=True)
class Choice:
    """What was chosen, why nothing earlier in the order was, and how to run it."""

    name: str
    says: str
    run: Callable[[], AbstractContextManager[Parts]]
    passed_over: tuple[str, ...] = ()


def choose() -> Choice:
    """Take the first that is there; `POLEPOOL_TEST_PARTS=env|containers|local` forces one.

    Raises pytest.UsageError when the forced one isn't there.
    """
    forced = os.environ.get(FORCE, "")
    if forced not in ("", *WHY_NOT):
        raise pytest.UsageError(f"{FORCE} is {forced!r}; it may be {', '.join(WHY_NOT)}")
    passed_over: list[str] = []
    for name in [forced] if forced else WHY_NOT:
        why_not = WHY_NOT[name]()
        if why_not is None:
            says, run = RUN[name]
            return Choice(name, says, run, tuple(passed_over))
        passed_over.append(f"{name}: {why_not}")
    raise pytest.UsageError(f"No PostgreSQL and Kafka to test against: {'; '.join(passed_over)}")


def _why_no_addresses() -> str | None:
    missing = [name for name in (POSTGRES, KAFKA) if name not in os.environ]
    return f"{' and '.join(missing)} not set" if missing else None


def _why_no_containers() -> str | None:
    try:
        engine = docker.from_env(timeout=5)
        images = {tag for image in engine.images.list() for tag in image.tags}
    except DockerException:
        return "no Docker engine answers"
    missing = [image for image in (containers.POSTGRES, containers.KAFKA) if image not in images]
    return f"the engine has no image {' or '.join(missing)}" if missing else None


@contextmanager
def _given() -> Iterator[Parts]:
    yield Parts(os.environ[POSTGRES], os.environ[KAFKA])


@contextmanager
def _containers() -> Iterator[Parts]:
    with containers.run() as (url, bootstrap):
        yield Parts(url, bootstrap)


@contextmanager
def _local() -> Iterator[Parts]:
    folder = Path(tempfile.mkdtemp(prefix="polepool-tests-"))
    reaper.tie(folder)  # which also removes it: with a database per test that takes a while, and nobody need wait
    database, broker = testing.new_postgres(folder / "postgres"), testing.new_kafka(folder / "kafka")
    testing.in_a_loop_of_its_own(testing.start(database, broker))
    try:
        yield Parts(database.admin_url, broker.bootstrap)
    finally:
        testing.in_a_loop_of_its_own(testing.stop(database, broker))


WHY_NOT: dict[str, Callable[[], str | None]] = {
    "env": _why_no_addresses,
    "containers": _why_no_containers,
    "local": lambda: None,
}
RUN = {
    "env": ("the addresses given by the environment", _given),
    "containers": (f"containers of {containers.POSTGRES} and {containers.KAFKA}", _containers),
    "local": ("PostgreSQL 18 and Kafka 4.3 started here from pip's packages", _local),
}
