"""What every test may ask for: the session's real PostgreSQL and Kafka, and parts of its own that it may kill."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from _pytest.terminal import TerminalReporter
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from chassis.testing import Parts
from polepool_local import reaper, testing
from tests.parts import Choice, choose

CHOICE = pytest.StashKey[Choice]()
CALCULATING = ("tests/matching/", "tests/architecture/")
"""Tests that need no parts."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the parts before anything runs, so that a forced choice that isn't there is refused at once."""
    config.stash[CHOICE] = choose()
    _log_plainly()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """With `-n 2`: each folder whose tests share parts stays in one process, in order; large ones go first."""
    return FoldersStayTogether(config, log)


class FoldersStayTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a folder out as a whole, and tests that only calculate one by one, at last."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(CALCULATING) else "/".join(nodeid.split("/")[:2])


def _log_plainly() -> None:
    """No rich tracebacks: drawing one with all its locals holds the event loop for seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure([structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain])


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which parts were chosen."""
    choice = config.stash[CHOICE]
    return [f"parts: {choice.says}", *(f"parts passed over: {reason}" for reason in choice.passed_over)]


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """Say at the end, too, what the tests ran against, and how many could not run."""
    skipped = len(terminalreporter.stats.get("skipped", []))
    terminalreporter.write_line(f"parts: {config.stash[CHOICE].says}; {skipped} could not run here")


@pytest.fixture(scope="session")
def parts(pytestconfig: pytest.Config) -> Iterator[Parts]:
    """The addresses of this session's PostgreSQL (as its superuser) and Kafka."""
    with pytestconfig.stash[CHOICE].run() as running:
        yield running


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[testing.OwnKafka]]]:
    """Make brokers of the test's own: `broker = await own_kafka()`, then `.stop()`, `.kill()`, `.start()`."""
    reaper.tie()
    made: list[testing.OwnKafka] = []

    async def make() -> testing.OwnKafka:
        made.append(testing.new_kafka(tmp_path / f"kafka-{len(made)}"))
        await made[-1].start()
        return made[-1]

    yield make
    await testing.stop(*made)


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[testing.OwnPostgres]]]:
    """Make PostgreSQL servers of the test's own: `server = await own_postgres()`, then `.stop()` and so on."""
    reaper.tie()
    made: list[testing.OwnPostgres] = []

    async def make() -> testing.OwnPostgres:
        made.append(testing.new_postgres(tmp_path / f"postgres-{len(made)}"))
        await made[-1].start()
        return made[-1]

    yield make
    await testing.stop(*made)
