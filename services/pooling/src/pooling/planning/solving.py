"""The solving process as the role sees it: started when it is needed, killed past its time, started anew after that."""

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import structlog

from pooling.matching.problem import Plan, Problem
from pooling.planning.ready import Ready
from pooling.planning.tasks import Part, Questions, Why
from pooling.planning.worker import framed

GRACE = 30.0
"""Seconds beyond a search's own time that the rest may take: starting, compiling, reading the problem."""
COLD = 300.0
"""Seconds for a new process to be ready, which may have to compile the engine."""

log = structlog.get_logger(__name__)


class Unsolved(Exception):
    """The solving process died, failed, or was killed past its time; the message tells which."""


class Solver:
    """One solving process, one task at a time."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        self.process: Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()

    async def make_ready(self) -> None:
        """Start the process, unless it runs, and have the engine compiled if it isn't yet. Raises Unsolved."""
        if self.process is not None:
            return
        self.process = await self._started()
        log.info("the engine is made ready: compiled, if it isn't yet, which takes a minute or two")
        made: Ready = await self._asked("ready", COLD)
        log.info("the engine is ready", compiled=made.compiled, seconds=made.seconds)

    async def divide(self, problem: Problem) -> list[Part]:
        """The connected parts of a problem. Raises Unsolved."""
        parts: list[Part] = await self._do("divide", GRACE, problem)
        return parts

    async def plan(self, problems: Sequence[Problem], seconds: float) -> list[Plan]:
        """The best plan of each problem, found in `seconds` for all. Raises Unsolved."""
        plans: list[Plan] = await self._do("plan", seconds + GRACE, problems, seconds)
        return plans

    async def explain(self, problem: Problem, plan: Plan, questions: Questions) -> dict[str, Why]:
        """Why these lines, by id, have no place in the plan, or what else they could have. Raises Unsolved."""
        found: dict[str, Why] = await self._do("explain", GRACE, problem, plan, questions)
        return found

    async def end(self) -> None:
        """Kill the process."""
        process, self.process = self.process, None
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _do(self, name: str, patience: float, *arguments: object) -> Any:
        await self.make_ready()
        return await self._asked(name, patience, *arguments)

    async def _asked(self, name: str, patience: float, *arguments: object) -> Any:
        try:
            async with asyncio.timeout(patience):
                done, result = await self._answer(await asyncio.to_thread(framed, (name, arguments)))
        except TimeoutError:
            await self.end()
            raise Unsolved(f"{name}: killed after {patience:g} s") from None
        except (EOFError, OSError) as error:
            code = await self.process.wait() if self.process else None
            await self.end()
            raise Unsolved(f"{name}: the solving process ended with {code}") from error
        except BaseException:
            await self.end()
            raise
        if not done:
            await self.end()
            raise Unsolved(f"{name}: {result}")
        return result

    async def _answer(self, message: bytes) -> tuple[bool, Any]:
        process = self.process
        assert process is not None  # noqa: S101 - started by now
        assert process.stdin is not None  # noqa: S101 - a pipe
        assert process.stdout is not None  # noqa: S101 - a pipe
        process.stdin.write(message)
        await process.stdin.drain()
        head = await process.stdout.readexactly(8)
        body = await process.stdout.readexactly(int.from_bytes(head, "little"))
        answer: tuple[bool, Any] = await asyncio.to_thread(pickle.loads, body)
        return answer

    async def _started(self) -> Process:
        """A fresh interpreter, so that nothing of this process (loop, pool, secrets) is in it."""
        environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name.startswith("NUMBA_")}
        environment["OPENBLAS_NUM_THREADS"] = "1"  # each thread's buffers would count as memory
        command = (sys.executable, "-m", "pooling.planning.worker", str(self.megabytes))
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment)
        log.info("solving process started", pid=process.pid, megabytes=self.megabytes)
        return process
