"""The files of the house, as the architecture tests look at them."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "schemas": ROOT / "schemas/src",
    "chassis": ROOT / "chassis/src",
    "membership": ROOT / "services/membership/src",
    "pooling": ROOT / "services/pooling/src",
    "notifications": ROOT / "services/notifications/src",
    "local": ROOT / "deploy/local/src",
}
SERVICES = ("membership", "pooling", "notifications")


@cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """Files that git tracks or would (not ignored), without symbolic links; with one of the endings if any is given."""
    git = shutil.which("git")
    assert git, "git is needed to know which files are ours"
    command = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")  # noqa: S603
    paths = (ROOT / name for name in names if name)
    return tuple(p for p in paths if p.is_file() and not p.is_symlink() and (not suffixes or p.suffix in suffixes))


def modules(*packages: str) -> Iterator[tuple[str, Path, ast.Module]]:
    """The parsed modules of the packages (all of them when none is named): package, path, tree."""
    for package in packages or PACKAGES:
        for path in files(".py"):
            if path.is_relative_to(PACKAGES[package]):
                yield package, path, parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    """The module's tree, read once for all tests."""
    return ast.parse(path.read_text("utf-8"))


def shown(path: Path, line: int = 0) -> str:
    """A path as it is named in a failure."""
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))
