"""Make `.venv` from the hashed locks with this very Python; done again only when a lock or a package changed.

`python3 deploy/local/install.py local` is enough to run everything, `dev` adds what checks and tests need. With a
further `packages`, Kafka and the matching engine aren't made ready yet: checks need neither.
Uses the standard library only: it runs before anything is installed.
"""

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PREPARED = VENV / ".prepared"
PACKAGES = ("schemas", "chassis", "services/membership", "services/pooling", "services/notifications", "deploy/local")


def main(level: str, *, packages_only: bool = False) -> int:
    """Install one level, unless it or a higher one is there already; returns an exit code."""
    there = any((said := _said(_stamp(each))) and said == _wanted(each) for each in {level, "dev"})
    code = 0 if there else _install(level)
    return code if packages_only else code or _prepare()


def _install(level: str) -> int:
    lock = ROOT / "locks" / f"{level}.txt"
    PREPARED.unlink(missing_ok=True)
    return (
        _environment()
        or _pip(["--require-hashes", "--no-deps", "-r", str(lock)], _count(lock))
        or _pip(["--no-deps", "--no-build-isolation", *_editable()], len(PACKAGES))
        or _keep(_stamp(level), _wanted(level))
    )


def _prepare() -> int:
    """Get Kafka and the matching engine ready for a quick start, side by side."""
    if PREPARED.exists():
        return _compile()
    kafka = subprocess.Popen([str(PYTHON), "-m", "polepool_local", "prepare"])  # noqa: S603 - ours
    code = _compile()
    return kafka.wait() or code or _keep(PREPARED, "")


def _compile() -> int:
    """Let the matching engine be compiled, which its processes would wait for else, if its source isn't what it was."""
    source = hashlib.sha256(sys.version.encode())
    for file in sorted((ROOT / "services/pooling/src/pooling/matching").rglob("*.py")):
        source.update(file.read_bytes())
    stamp = VENV / ".compiled"
    if _said(stamp) == source.hexdigest():
        return 0
    code = subprocess.call([str(PYTHON), "-m", "pooling.planning.ready"])  # noqa: S603 - ours
    return code or _keep(stamp, source.hexdigest())


def _environment() -> int:
    """Make .venv, anew if what is there has no pip: a run that was interrupted or failed leaves such a one."""
    if _has_pip():
        return 0
    _write("Making .venv\n")
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except subprocess.CalledProcessError as error:
        _write((error.output or b"").decode(errors="replace"))
        _write(f"{sys.executable} can't put pip into .venv. On Debian and Ubuntu: install python3-venv\n")
        return 1
    return 0


def _has_pip() -> bool:
    try:
        asked = subprocess.run([str(PYTHON), "-m", "pip", "--version"], capture_output=True, check=False)  # noqa: S603
    except OSError:
        return False
    return asked.returncode == 0


def _stamp(level: str) -> Path:
    return VENV / f".installed-{level}"


def _wanted(level: str) -> str:
    """What the installation depends on, as a hash."""
    said = hashlib.sha256(sys.version.encode())
    files = [ROOT / "locks" / f"{level}.txt", *(ROOT / package / "pyproject.toml" for package in PACKAGES)]
    files.append(ROOT / "deploy/local/src/polepool_local/kafka.lock.toml")
    for file in files:
        said.update(file.read_bytes())
    return said.hexdigest()


def _said(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def _keep(stamp: Path, said: str) -> int:
    stamp.write_text(said)
    return 0


def _editable() -> list[str]:
    return [part for package in PACKAGES for part in ("-e", str(ROOT / package))]


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text().splitlines())


def _pip(arguments: list[str], count: int) -> int:
    """Run pip install, showing how far it is; all it said is in .venv/install.log."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    began, seen = time.monotonic(), 0
    with (VENV / "install.log").open("a") as log:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - ours
        for line in pip.stdout or ():
            log.write(line)
            if line.startswith(("Collecting ", "Requirement already", "Obtaining ", "Ignoring ")):
                seen += 1
                _bar(min(seen, count), count, began)
            elif line.startswith("Installing collected"):
                _bar(count, count, began, " unpacking")
            elif line.startswith("ERROR"):
                _write(f"\n{line}")
        code = pip.wait()
    _bar(count, count, began, "\n" if code == 0 else f" failed, see {VENV / 'install.log'}\n")
    return code


def _bar(done: int, count: int, began: float, end: str = "") -> None:
    """Show progress in place on a terminal, and only its end elsewhere."""
    if os.isatty(1):
        filled = "#" * (30 * done // count)
        _write(f"\r[{filled:30}] {done} of {count} packages, {time.monotonic() - began:3.0f} s{end}")
    elif end.endswith("\n"):
        _write(f"{count} packages, {time.monotonic() - began:.0f} s{end}")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "local", packages_only="packages" in sys.argv[2:]))
