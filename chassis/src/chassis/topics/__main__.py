"""`python -m chassis.topics apply`: make a broker's topics as topics.yaml says."""

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from chassis.topics.apply import BROKER_DEFAULT, Unreachable, apply
from chassis.topics.plan import wanted
from schemas.catalogue import topics

app = typer.Typer(help="The topics of the platform, as topics.yaml describes them.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """The topics of the platform, as topics.yaml describes them."""


@app.command("apply")
def apply_command(
    bootstrap_servers: Annotated[
        str, typer.Option(help="host:port, several by commas.", envvar="POLEPOOL_KAFKA__BOOTSTRAP_SERVERS")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    replication_factor: Annotated[
        int, typer.Option(help="Of topics that are created; -1 takes the broker's default.", min=-1)
    ] = BROKER_DEFAULT,
    min_insync: Annotated[int | None, typer.Option(help="min.insync.replicas; left as it is if absent.", min=1)] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for a broker.", min=0)] = 60.0,
) -> None:
    """Create what is missing, add partitions, correct settings. Nothing is ever removed."""
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        changes = asyncio.run(
            apply(
                wanted(topics().values(), min_insync),
                bootstrap_servers,
                replication_factor=replication_factor,
                patience=wait,
                dry_run=dry_run,
                say=lambda line: out.print(line, markup=False),
            )
        )
    except (Unreachable, KafkaError) as error:
        err.print(str(error), markup=False)
        raise typer.Exit(1) from error
    if not changes:
        out.print("nothing to change")
    elif dry_run:
        out.print(f"{len(changes)} changes would be made")


if __name__ == "__main__":
    app()
