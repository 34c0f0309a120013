"""What the pages for people tell them to type exists, and what they link to is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, files, shown

NAMES = {"README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "operations.md", "matching.md"}
PAGES = sorted(path for path in files(".md") if path.name in NAMES)
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)")


def typed(page: str) -> Iterator[str]:
    """Every line of code on a page, blocks and inline."""
    for block, inline in CODE.findall(page):
        yield from (line.strip() for line in (block or inline).splitlines())


def told(start: str) -> list[str]:
    """The rest, after this start, of every command that the pages tell people to type."""
    pattern = re.compile(rf"(?:^|\s|/){start} ([^#]+)")
    lines = {line for page in PAGES for line in typed(page.read_text("utf-8"))}
    return sorted({match[1].strip() for line in lines if (match := pattern.search(line)) and "<" not in match[1]})


def lacking_in_make(command: str) -> list[str]:
    """Targets and variables of this `make ...` that the Makefile doesn't have."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    words = shlex.split(command)
    targets = [word for word in words if "=" not in word]
    variables = [word.partition("=")[0] for word in words if "=" in word]
    rules = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))  # `make -n` is content with a folder of that name
    return [name for name in targets if name not in rules or not planned(name)] + [
        name for name in variables if f"$({name})" not in makefile and f"$(if $({name})" not in makefile
    ]


def planned(target: str) -> bool:
    """Whether make knows what to do for this, without doing it."""
    make = shutil.which("make")
    assert make, "make is needed"
    return subprocess.run([make, "-n", target], cwd=ROOT, capture_output=True, check=False).returncode == 0  # noqa: S603


def lacking_in_module(command: str) -> list[str]:
    """Roles, commands, options of this `python -m ...` that its --help doesn't offer; the module itself if it fails."""
    module, *words = shlex.split(command)
    said = help_of(module)
    if said is None:
        return [module]
    named = leading(words)
    options = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--help"]
    lacking: list[str] = []
    for deeper in ((), named[:1], named):
        said += help_of(module, *deeper) or ""
        found = offered(said)
        lacking = [word for word in named if word not in found] + [name for name in options if name not in said]
        if not lacking:
            break
    return lacking


def leading(words: list[str]) -> list[str]:
    """Roles or commands: the plain words before the first option or value."""
    plain = [re.fullmatch(r"[a-z][a-z-]*", word) is not None for word in words]
    return words[: plain.index(False)] if False in plain else words


def offered(said: str) -> set[str]:
    """Words that a help text explains: those at the start of a line with something after them, or listed in {a,b}."""
    listed = {word for group in re.findall(r"\{([a-z,-]+)\}", said) for word in group.split(",")}
    return listed | set(re.findall(r"^[\s│]*([a-z][a-z-]*)\s{2,}\S", said, re.MULTILINE))


@cache
def help_of(module: str, *words: str) -> str | None:
    """What a module says with --help, None if it fails."""
    environment = os.environ | {"COLUMNS": "160", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(  # noqa: S603 our own modules
        [sys.executable, "-m", module, *words, "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize("command", told("make"))
def test_a_make_command_that_people_are_told_exists(command: str) -> None:
    assert lacking_in_make(command) == []


@pytest.mark.parametrize("command", told("python -m"))
def test_a_module_that_people_are_told_to_run_has_these_roles_and_options(command: str) -> None:
    assert lacking_in_module(command) == []


def test_the_pages_tell_what_there_is_to_type() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for target in ("demo", "up", "status", "logs", "stop", "reset", "check", "test"):
        assert f"make {target} " in readme
    assert "docker compose up --build" in readme
    assert len(told("python -m")) > 5


def test_what_does_not_exist_is_found() -> None:
    assert lacking_in_make("docs") == ["docs"]
    assert lacking_in_make('test NOPE="x y"') == ["NOPE"]
    assert lacking_in_module("schemas.nothing generate") == ["schemas.nothing"]
    assert lacking_in_module("schemas generate forget --loudly") == ["forget", "--loudly"]
    assert lacking_in_module("membership api consume") == ["consume"]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_a_link_leads_somewhere(page: Path) -> None:
    links = {link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link}
    assert [link for link in sorted(links) if not (page.parent / link).exists()] == []
