"""What a rule says."""

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 5
"""Violations that are written out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many things a rule looked at, and what was wrong with some of them."""

    rule: str
    checked: int
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was wrong."""
        return not self.violations

    def __str__(self) -> str:
        if self.holds:
            return f"ok    {self.rule}: {self.checked:,} checked"
        shown = "".join(f"\n        {each}" for each in self.violations[:SHOWN])
        more = f"\n        and {len(self.violations) - SHOWN} more" if len(self.violations) > SHOWN else ""
        return f"WRONG {self.rule}: {len(self.violations):,} of {self.checked:,}{shown}{more}"


def verdict(rule: str, checked: int, violations: Iterable[str]) -> Verdict:
    """A verdict."""
    return Verdict(rule, checked, tuple(violations))
