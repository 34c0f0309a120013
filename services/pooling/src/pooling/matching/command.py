"""`python -m pooling match PROBLEM.json --out PLAN.json`: the engine on files, without a service around it.

Exit codes: 0 a plan is written (or checked, and nothing is wrong with it), 1 the check found something, 2 a file or an
argument was wrong.
"""

import gc
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import isnan
from pathlib import Path
from threading import Event
from typing import Annotated, NoReturn
from uuid import uuid4

import typer
from rich.console import Console

from pooling.matching.checking import check as violations
from pooling.matching.explanations import Explanations
from pooling.matching.problem import Budget, Plan, Problem
from pooling.matching.reading import BadProblem, read_problem
from pooling.matching.writing import certificate_json, encoded, plan_json

NAME = "match"
ROLE = re.compile("[a-z][a-z-]*")
INTERRUPTED = 130
"""As a shell tells it: 128 and the number of SIGINT."""
USUAL_SECONDS = 10.0
QUIET_SECONDS = 5.0
"""Between two lines of progress where nobody watches."""

out_console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err_console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def wanted(arguments: list[str]) -> bool:
    """Whether these arguments of `python -m pooling` mean this command, and not the role of the same name.

    Roles are plain words, alone or beside each other; the command has a file, and options.
    """
    return arguments[:1] == [NAME] and any(not ROLE.fullmatch(word) for word in arguments[1:])


def run(arguments: list[str]) -> None:
    """Do what the arguments after `match` say, and exit."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(match)
    app(args=arguments, prog_name=f"python -m pooling {NAME}")


def match(
    problem: Annotated[
        Path, typer.Argument(metavar="PROBLEM.json", show_default=False, help="What is offered and asked.")
    ],
    out: Annotated[Path, typer.Option(metavar="PLAN.json", show_default=False, help="The plan: written, or checked.")],
    seconds: Annotated[
        float | None,
        typer.Option(min=0, show_default=False, help="How long to search: 10, or as long as --rounds take."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="What chance begins with.")] = 1,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="How many rounds to search: as many give the same plan anywhere."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="The prices that prove the bound: written, or checked."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each line why it is where it is, or why it is nowhere.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Solve nothing: verify PLAN.json, one line for each thing that is wrong.")
    ] = False,
) -> None:
    """Find the plan that serves the most value, and prove how far from the best possible it can be.

    Ctrl-C ends the search, and the best plan so far is written. The formats are in docs/matching.md. Without a file,
    `match` is a role of the service.
    """
    read = _read(problem)
    if check:
        _check(read, out, certificate)
        return
    for path in {out, certificate or out}:
        _write(path, None)
    if seconds is not None and isnan(seconds):
        _fail("--seconds: nan is no length of time")
    limit = USUAL_SECONDS if seconds is None and rounds is None else seconds
    plan = _solve(read, Budget(limit, rounds, err_console.get_time), seed)
    _write(out, encoded(plan_json(plan, read, _explain(read, plan) if explain else None)))
    if certificate is not None:
        _write(certificate, encoded(certificate_json(plan.prices)))


def _read(path: Path) -> Problem:
    gc.disable()  # millions of objects come, and none goes: looking for garbage among them would take as long again
    try:
        return read_problem(_bytes(path))
    except BadProblem as error:
        _fail(str(error))
    finally:
        gc.freeze()
        gc.enable()


def _check(problem: Problem, out: Path, certificate: Path | None) -> None:
    found = violations(problem, _bytes(out), None if certificate is None else _bytes(certificate))
    for line in found:
        out_console.print(line)
    if found:
        raise typer.Exit(1)
    err_console.print("the plan keeps every rule" + ("" if certificate is None else ", and its bound is proved"))


def _solve(problem: Problem, budget: Budget, seed: int) -> Plan:
    from pooling.matching.solver import solve  # type: ignore[import-not-found,unused-ignore] # its numerical libraries take a while, and --check goes without

    try:
        with err_console.status("looking at the problem") as status, _between_rounds() as interrupted:
            plan: Plan = solve(problem, budget, seed, _progress(status.update, interrupted))
    except KeyboardInterrupt:
        err_console.print("interrupted before there was a plan")
        raise typer.Exit(INTERRUPTED) from None
    lines = sum(len(request.lines) for request in problem.requests)
    err_console.print(f"{_standing(plan.value, plan.bound)}, {len(plan.placed)} of {lines} lines placed")
    return plan


def _explain(problem: Problem, plan: Plan) -> Explanations:
    from pooling.matching.explaining import explain  # its numerical libraries take a while, and --check goes without

    with err_console.status("explaining the plan"):
        return explain(problem, plan)


@contextmanager
def _between_rounds() -> Iterator[Event]:
    """Ctrl-C is told by an event, so that it ends the search where the plan is whole; a second one ends it at once."""
    interrupted = Event()

    def interrupt(_number: int, _frame: object) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _progress(update: Callable[[str], None], interrupted: Event) -> Callable[[int, int], None]:
    """What tells value and bound as they move: at once to a terminal, now and then to anything else.

    It raises KeyboardInterrupt, which ends the search with the best plan so far, once that is asked for.
    """
    said: list[float] = []

    def tell(value: int, bound: int) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        now = err_console.get_time()
        if err_console.is_terminal:
            update(_standing(value, bound))
        elif not said or now - said[-1] >= QUIET_SECONDS:
            said.append(now)
            err_console.print(_standing(value, bound))

    return tell


def _standing(value: int, bound: int) -> str:
    return f"value {value}, bound {bound}, gap {(bound - value) / max(1, abs(bound)):.4%}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        _fail(f"{path}: {error.strerror}")


def _write(path: Path, content: bytes | None) -> None:
    """The whole file or, when anything fails, the one that was there; without content only see whether it can be."""
    beside = path.resolve().with_name(f".{path.name}.{uuid4().hex}")
    try:
        if path.exists() and not path.is_file():  # a device or a pipe can't be replaced; a folder is refused
            path.write_bytes(content or b"")
            return
        beside.write_bytes(content or b"")
        if content is None:
            beside.unlink()
        else:
            beside.replace(path.resolve())
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        _fail(f"{path}: {error.strerror}")


def _fail(line: str) -> NoReturn:
    err_console.print(line)
    raise typer.Exit(2)
