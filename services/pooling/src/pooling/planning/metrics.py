"""What the role `matcher` measures, in Prometheus' terms."""

from prometheus_client import Counter, Gauge, Histogram

from pooling.store.plans import Measured

GAP = Gauge("polepool_plan_gap", "How far from the best possible the plan may be: (bound - value) / bound.")
VALUE = Gauge("polepool_plan_value_cents", "Value served by the plan: what the engine maximises.")
PLACED = Gauge("polepool_plan_placed", "Lines that have a place in the plan.")
UNSERVED = Gauge("polepool_plan_unserved", "Lines that the plan has no place for, by cause.", ["because"])
SOLVE_SECONDS = Histogram(
    "polepool_plan_solve_seconds", "Time to solve, per batch of parts.", buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90)
)
MOVES = Counter("polepool_plan_moves", "Lines whose place in the plan became another, or that lost it.")
DROPPED = Counter("polepool_plan_dropped", "Lines that changed while a plan was made: they are planned again.")
FAILURES = Counter("polepool_plan_failures", "Plans that were not made: the solving process died or took too long.")


def show(measured: Measured) -> None:
    """Tell how good the plan is."""
    VALUE.set(measured.value)
    GAP.set((measured.bound - measured.value) / max(1, abs(measured.bound)))
    PLACED.set(measured.placed)
    UNSERVED.clear()
    for because, lines in measured.unplaced.items():
        UNSERVED.labels(because).set(lines)
