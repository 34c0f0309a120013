"""CONTRIBUTING's recipe "add an event type, end to end", followed to the letter in a copy of the tree.

Its code blocks are taken from the page itself. Then each step is forgotten in turn: somebody must be told what to do.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from schemas.documents import HOME

ROOT = HOME.parent
SERVICES = ("membership", "pooling", "notifications")
TYPE = "polepool.membership.project_ended.v1"
SECTION = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Add an event type", 1)[1].split("\n## ")[0]


def block(step: int, language: str) -> str:
    """The code block of a step of the recipe."""
    text = re.split(r"^\d\. ", SECTION, flags=re.MULTILINE)[step]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"step {step} has no {language} block"
    return found[1]


class Copy:
    """A copy of what the recipe touches, and its steps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        leave = shutil.ignore_patterns("node_modules", "__pycache__")
        for part in ("schemas", "chassis", "services", "tests/contracts"):
            shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=leave)
        shutil.copy(ROOT / "pyproject.toml", folder)
        sources = ["schemas/src", "chassis/src", *(f"services/{service}/src" for service in SERVICES)]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(folder / source) for source in sources)}

    def say(self) -> None:
        self.append("schemas/src/schemas/membership.py", "\n\n" + dedent(block(1, "python")))

    def list_it(self, readers: str = "[pooling, notifications]") -> None:
        entry = block(2, "yaml").replace("[pooling, notifications]", readers)
        self.list_beside("polepool.membership.project_launched.v1", entry.strip())

    def list_beside(self, neighbour: str, entry: str) -> None:
        topics = self.folder / "schemas/topics.yaml"
        text = topics.read_text("utf-8")
        (line,) = [line for line in text.splitlines(keepends=True) if line.strip().startswith(f"{neighbour}:")]
        topics.write_text(text.replace(line, line + " " * 6 + entry + "\n"), "utf-8")

    def exemplify(self) -> None:
        self.sh(block(3, "sh"))

    def generate(self) -> None:
        self.sh(block(4, "sh"))

    def make(self) -> None:
        handlers = (
            "handlers/__init__.py" if (ROOT / "services/membership/src/membership/handlers").is_dir() else "handlers.py"
        )
        code = "\n\nfrom schemas.membership import ProjectEnded\n\nENDED = ProjectEnded\n"
        self.append(f"services/membership/src/membership/{handlers}", code)

    def react(self) -> None:
        code = """\n
            async def project_ended(tx: object, run: object) -> None: ...


            from schemas.membership import ProjectEnded
            HANDLERS[ProjectEnded.TOPIC][ProjectEnded] = project_ended
        """
        for service in ("pooling", "notifications"):
            folder = self.folder / f"services/{service}/src/{service}"
            name = "consumer/__init__.py" if (folder / "consumer").is_dir() else "consumer.py"
            self.append(f"services/{service}/src/{service}/{name}", dedent(code))

    def append(self, path: str, text: str) -> None:
        with (self.folder / path).open("a", encoding="utf-8") as file:
            file.write(text)

    def sh(self, command: str) -> None:
        done = self.run(command)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable if word == "python" else word for word in shlex.split(command)]
        return subprocess.run(  # noqa: S603 our own page's commands
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def gates(self) -> str:
        """What a contributor is told at the end: step 7, nothing when all is well."""
        check = self.run("python -m schemas check")
        if check.returncode:
            return check.stderr
        files = "tests/contracts/test_published.py tests/contracts/test_examples.py"
        tests = self.run(f"python -m pytest {files} -q -k 'a_service_consumes or a_service_makes or project_ended'")
        return tests.stdout if tests.returncode else ""


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


STEPS = ("say", "list_it", "exemplify", "generate", "make", "react")


def test_who_follows_the_recipe_has_a_new_event_type(copy: Copy) -> None:
    for step in STEPS:
        getattr(copy, step)()
    assert copy.gates() == ""
    assert f'id="{TYPE}"' in (copy.folder / "schemas/asyncapi.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [
        ("say", f"{TYPE} has no model: write its class in schemas/src/schemas/membership.py"),
        ("list_it", f"{TYPE} is on no topic: list it in schemas/topics.yaml under polepool.membership.projects"),
        ("exemplify", f"{TYPE} has no golden example: write schemas/examples/{TYPE}.json"),
        ("generate", f"schemas/json/{TYPE}.json is not what the models say: run `python -m schemas generate`"),
        ("make", "owned, but made nowhere in the service's code"),
        ("react", "listed in topics.yaml, but not in HANDLERS"),
    ],
)
def test_who_forgets_a_step_is_told(copy: Copy, forgotten: str, told: str) -> None:
    for step in STEPS:
        if step == forgotten or (
            forgotten in ("say", "list_it") and step in ("exemplify", "generate", "make", "react")
        ):
            continue
        getattr(copy, step)()
    assert told in copy.gates()


CLOSED = "polepool.pooling.booking_closed.v1"
CANCELLED = "polepool.pooling.booking_cancelled.v1"


def test_the_recipe_holds_where_a_service_has_a_module_per_topic(copy: Copy) -> None:
    model = f'''

class BookingClosed(BookingEvent):
    """A booking is over, and settled."""

    TYPE = "{CLOSED}"
'''
    copy.append("schemas/src/schemas/pooling/bookings.py", model)
    assert f"{CLOSED} is on no topic: list it in schemas/topics.yaml under polepool.pooling.bookings" in copy.gates()
    copy.list_beside(CANCELLED, f"{CLOSED}: [notifications]")
    copy.sh(f"python -m schemas example {CLOSED} --like {CANCELLED}")
    copy.sh("python -m schemas generate")
    copy.sh("python -m schemas check")


def test_who_forgets_a_model_is_told_the_module_of_its_topic(copy: Copy) -> None:
    copy.list_beside(CANCELLED, f"{CLOSED}: [notifications]")
    assert f"{CLOSED} has no model: write its class in schemas/src/schemas/pooling/bookings.py" in copy.gates()


def test_an_event_without_readers_is_refused(copy: Copy) -> None:
    copy.say()
    copy.list_it(readers="[]")
    assert f"{TYPE} has no consumer" in copy.run("python -m schemas generate").stderr


def test_a_breaking_change_afterwards_is_refused(copy: Copy) -> None:
    for step in STEPS[:4]:
        getattr(copy, step)()
    model = copy.folder / "schemas/src/schemas/membership.py"
    model.write_text(model.read_text("utf-8").replace("    summary: str\n", ""), "utf-8")
    done = copy.run("python -m schemas generate")
    assert done.returncode == 1
    assert f"{TYPE}: data.project.summary was removed" in done.stderr
    assert "add a new version of the type beside it" in done.stderr
