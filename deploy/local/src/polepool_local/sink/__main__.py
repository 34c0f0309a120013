"""`python -m polepool_local.sink SMTP_PORT HTTP_PORT FOLDER`: run until told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from polepool_local.sink.server import serving


def main(
    smtp_port: Annotated[int, typer.Argument(help="Where mails come in.")],
    http_port: Annotated[int, typer.Argument(help="Where webhooks come in, and where the pages are.")],
    folder: Annotated[Path, typer.Argument(help="Where what came in is kept.")],
) -> None:
    """Receive mails and webhooks on loopback."""
    asyncio.run(_serve(smtp_port, http_port, folder))


async def _serve(smtp_port: int, http_port: int, folder: Path) -> None:
    stop = asyncio.Event()
    for sig in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sig, stop.set)
    async with serving(smtp_port, http_port, folder):
        await stop.wait()


if __name__ == "__main__":
    typer.run(main)
