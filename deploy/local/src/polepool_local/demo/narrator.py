"""Prints the story: a heading per step in both languages, and below it what happened and what proves it."""

import time
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from polepool_local.demo.door import Json
from polepool_local.demo.tap import Seen


class Narrator:
    """Tells one story on one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0
        self._began = time.monotonic()
        self.heading = "loading the territory"

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return time.monotonic() - self._began

    def step(self, english: str, french: str) -> None:
        """Begin a step."""
        self._steps += 1
        self.heading = english
        self._console.print(f"\n[bold]{self._steps:2}  {escape(english)}[/]  [dim italic]{escape(french)}[/]")

    def said(self, what: str, seen: Seen) -> None:
        """Something happened, and this event says so."""
        self._console.print(f"    [green]✓[/] {escape(what)}", highlight=False)
        self._console.print(f"      [dim]{escape(str(seen))}[/]", highlight=False, soft_wrap=True)

    def note(self, what: str) -> None:
        """Something was seen."""
        self._console.print(f"    [green]✓[/] {escape(what)}", highlight=False)

    def reasons(self, reasons: Iterable[Json]) -> None:
        """Why, in both languages."""
        for reason in reasons:
            text = f"· {reason['text']['fr']}  /  {reason['text']['en']}"
            self._console.print(f"        [cyan]{escape(text)}[/]", highlight=False)
