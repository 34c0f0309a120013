"""What people see: a table that fills while things start, then a line for whatever happens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from rich.console import Console
from rich.live import Live
from rich.table import Table

from polepool_local.addresses import Addresses
from polepool_local.home import SERVICES
from polepool_local.processes import Process, alive
from polepool_local.supervisor import Row
from schemas.documents import HOME

COLOURS = {
    "running": "green",
    "done": "green",
    "failed": "red",
    "ended": "red",
    "restarting": "yellow",
    "starting": "cyan",
}


class Progress:
    """Shows rows on a console: live on a terminal, else a line per change. `tell` fits the supervisor."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None

    def tell(self, rows: list[Row], row: Row) -> None:
        """Show that a row changed."""
        if self._live:
            self._live.update(table(rows))
        else:
            self.line(row)

    def line(self, row: Row) -> None:
        """Print one row as a line."""
        took = f" in {row.took:.1f} s" if row.took is not None and row.state in ("running", "done") else ""
        detail = f" {row.detail}".partition("\n")[0] if row.detail else ""
        self.console.print(f"{time.strftime('%H:%M:%S')} {row.name}: {row.state}{took}{detail}", markup=False)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show a table that changes in place, if this is a terminal; it stays as it was at the end."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=10) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None


def table(rows: list[Row]) -> Table:
    """Every row with its state, how long it took, and where it is."""
    made = Table("", "state", "took", "pid", "MB", "restarts", "where", box=None, pad_edge=False, header_style="dim")
    for row in rows:
        colour = COLOURS.get(row.state, "dim")
        took = f"{row.took:.1f} s" if row.took is not None else ""
        state = f"[{colour}]{row.state}[/]"
        pid = str(row.process.pid) if row.process else ""
        where = row.address or row.detail.partition("\n")[0]
        made.add_row(row.name, state, took, pid, _megabytes(row.process), str(row.restarts or ""), where)
    return made


def where(addresses: Addresses) -> Table:
    """Where to look once everything runs."""
    made = Table("", "", box=None, pad_edge=False, show_header=False)
    for service in SERVICES:
        made.add_row(service, f"{addresses.docs(service)}   {addresses.metrics(service)}")
    made.add_row("inbox", f"GET {addresses.notifications}/v1/inbox")
    made.add_row("", f"with the token that POST {addresses.membership}/v1/sign-in gives")
    made.add_row("mails", addresses.mails)
    made.add_row("webhooks", f"{addresses.webhooks}/webhooks.json")
    made.add_row("events", f"{(HOME / 'asyncapi.html').as_uri()}")
    made.add_row("Kafka", addresses.kafka)
    return made


def _megabytes(process: Process | None) -> str:
    if process is None or not alive(process):
        return ""
    try:
        return f"{psutil.Process(process.pid).memory_info().rss / 1e6:.0f}"
    except psutil.Error:
        return ""
