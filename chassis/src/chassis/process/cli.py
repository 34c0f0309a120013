"""The command line of a service."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, NoReturn, TypeVar

import asyncpg
import structlog
import typer
import uvloop

from chassis import telemetry
from chassis.db import UnsafeRole
from chassis.dead_letters.commands import commands as dead_letters
from chassis.migrate import MigrationError
from chassis.process.roles import described
from chassis.process.run import run
from chassis.process.service import Command, Service
from chassis.relay.commands import command as republish
from chassis.settings import BadSettings, DatabaseSettings, ServiceSettings, load

S = TypeVar("S", bound=ServiceSettings)
log = structlog.get_logger(__name__)


def main(service: str, build: Callable[[], Service[S]]) -> NoReturn:
    """Run `python -m <service> ROLE...` or one of its commands, and exit: 2 for what the caller got wrong, 1 otherwise.

    Settings are read only once a role runs, so that `--help` needs none.
    """
    built = build()
    arguments = sys.argv[1:]
    commands: dict[str, Command] = {**_standard(service, built), **built.commands}
    app = _commands(commands) if arguments and arguments[0] in commands else _roles(service, built, commands)
    app(args=arguments, prog_name=f"python -m {service}")
    raise SystemExit(0)


def _standard(name: str, service: Service[S]) -> dict[str, Command]:
    def database() -> DatabaseSettings:
        return load(service.settings).database

    letters = {"dead-letters": dead_letters(name, service.handlers, database)} if service.handlers else {}
    return {**letters, "republish": republish(database)} if service.publishes else {**letters}


def _commands(commands: Mapping[str, Command]) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    for name, command in commands.items():
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _roles(name: str, service: Service[S], commands: Mapping[str, Command]) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    known = described(service)

    def play(roles: Annotated[list[str], typer.Argument(metavar="ROLE", show_default=False)]) -> None:
        unknown = [role for role in roles if role not in known]
        if unknown:
            _refuse(f"unknown role {', '.join(unknown)}; {name} can play: {', '.join(known)}")
        raise SystemExit(_play(name, service, list(dict.fromkeys(roles))))

    app.command(help=_help(name, known, commands))(play)
    return app


def _help(name: str, known: Mapping[str, str], commands: Mapping[str, Command]) -> str:
    lines = [f"Run {name} in one role or several, until SIGTERM.", "", "\b", "Roles:"]
    lines += [f"  {role:<14} {text}" for role, text in known.items()]
    if commands:
        lines += ["", "\b", f"Commands (python -m {name} COMMAND --help):"]
        lines += [f"  {title:<14} {_summary(command)}" for title, command in commands.items()]
    return "\n".join(lines)


def _summary(command: Command) -> str:
    text = command.info.help if isinstance(command, typer.Typer) else command.__doc__
    return (text if isinstance(text, str) else "").strip().split("\n")[0]


def _play(name: str, service: Service[S], roles: list[str]) -> int:
    try:
        settings = load(service.settings)
    except BadSettings as error:
        _refuse(str(error))
    telemetry.configure(name, settings.telemetry)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            in_order = runner.run(run(name, service, settings, roles))
    except (UnsafeRole, MigrationError, ValueError, OSError, asyncpg.PostgresError) as error:
        log.error("refused to start", error=str(error))
        return 1
    except Exception:
        log.exception("crashed")
        return 1
    finally:
        telemetry.flush_traces()
    return 0 if in_order else 1


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise SystemExit(2)
