"""AsyncAPI's own parser accepts the document, and refuses a broken one."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.catalogue import event_types, topics
from schemas.documents import HOME

CHECKER = Path(__file__).parent / "asyncapi"

pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not here")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    path = str(shutil.which(command[0]))
    return subprocess.run([path, *command[1:]], cwd=CHECKER, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.fixture(scope="module", autouse=True)
def parser() -> None:
    """The locked packages, installed once."""
    with (CHECKER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CHECKER / "node_modules" / ".package-lock.json").exists():
            installed = run("npm", "ci")
            assert installed.returncode == 0, installed.stderr


def test_the_official_parser_accepts_the_document() -> None:
    done = run("node", "check.mjs", str(HOME / "asyncapi.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    readers = {
        (reader, topic.name) for topic in topics().values() for readers in topic.events.values() for reader in readers
    }
    counts = f"channels={len(topics())} operations={len(topics()) + len(readers)} messages={len(event_types())}"
    assert counts in done.stdout


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ("action: send", "action: shout"),
        ("'#/channels/polepool.pooling.bookings'", "'#/channels/polepool.pooling.nothing'"),
        ("asyncapi: 3.0.0", "asyncapi: 1.0.0"),
        ("type: object", "type: thing"),
    ],
)
def test_the_official_parser_refuses_a_broken_document(tmp_path: Path, sound: str, broken: str) -> None:
    text = (HOME / "asyncapi.yaml").read_text("utf-8")
    assert sound in text
    (tmp_path / "broken.yaml").write_text(text.replace(sound, broken), "utf-8")
    assert run("node", "check.mjs", str(tmp_path / "broken.yaml")).returncode == 1
