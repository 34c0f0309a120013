"""What a peer says: the placements it chose, or None without a plan in time, and a bound if it proves one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Indices of placements of the model, and cents."""

    chosen: list[int] | None
    bound: int | None
