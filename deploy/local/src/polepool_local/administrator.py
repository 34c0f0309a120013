"""The first account: who may open poles on this machine."""

import asyncio
import subprocess
import sys

from polepool_local import running
from polepool_local.environment import environment
from polepool_local.home import Home


class NotMade(Exception):
    """membership refused to make the administrator; the message is what it said."""


async def make_administrator(home: Home, email: str, password: str) -> str:
    """Make an account the network administrator's by membership's own command; once it exists it stays as it is.

    Needs everything up. Raises NotMade with what the command said.
    """
    state = running.state(home)
    if state is None or not state.ready:
        raise NotMade("nothing is up")
    command = [sys.executable, "-m", "membership", "administrator", "--email", email]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment("membership", home, home.open(), state.ports),
        stdin=subprocess.PIPE,  # the password: an argument would be seen in the list of processes
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate(f"{password}\n".encode())
    if process.returncode:
        raise NotMade(said.decode().strip())
    return said.decode().strip()
