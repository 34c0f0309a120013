"""OR-Tools: CP-SAT on the cliques, and min-cost flow where the problem is an assignment.

Runs as a script in an environment of its own, `.venv/peers`, that has no package of ours:
`python or_tools.py (cp-sat | flow) MODEL.npz ANSWER.json SECONDS`.
"""

import json
import math
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ortools.graph.python import min_cost_flow
from ortools.sat.python import cp_model

Arrays = Mapping[str, Any]


def cp_sat(model: Arrays, seconds: float) -> tuple[list[int] | None, int | None]:
    """At most one of each clique where units are one, sums elsewhere; all processors."""
    began = time.perf_counter()
    programme = cp_model.CpModel()
    columns = [programme.new_bool_var("") for _ in range(len(model["score"]))]
    edges, column, weight = (model[name].tolist() for name in ("edges", "column", "weight"))
    for row, (low, high) in enumerate(zip(model["low"].tolist(), model["high"].tolist(), strict=True)):
        terms = [columns[at] for at in column[edges[row] : edges[row + 1]]]
        weights = weight[edges[row] : edges[row + 1]]
        if high == 1 and low == -math.inf and set(weights) == {1}:
            programme.add_at_most_one(terms)
        else:
            total = cp_model.LinearExpr.weighted_sum(terms, weights)
            programme.add_linear_constraint(total, cp_model.INT_MIN if low == -math.inf else int(low), int(high))
    programme.maximize(cp_model.LinearExpr.weighted_sum(columns, model["score"].tolist()))
    left = seconds - (time.perf_counter() - began)
    if left <= 0:
        return None, None
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = left
    status = solver.solve(programme)
    constant, bound = int(model["constant"][0]), None
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None, None  # without a plan it says 0 for a bound that it has not begun to prove
    if math.isfinite(solver.best_objective_bound):
        bound = constant + math.floor(solver.best_objective_bound + 1e-3)
    placements = len(model["line"])
    return [at for at in range(placements) if solver.boolean_value(columns[at])], bound


def flow(model: Arrays, seconds: float) -> tuple[list[int] | None, int | None]:
    """From each line to its resources, each of which serves one, or past them; optimal, however long it takes."""
    del seconds
    line, owner = model["line"], model["resource"]
    lines, resources = len(model["request"]), len(model["units"])
    sink = lines + resources
    network = min_cost_flow.SimpleMinCostFlow()
    tails = np.concatenate([line, lines + np.arange(resources), np.arange(lines)])
    heads = np.concatenate([lines + owner, np.full(resources + lines, sink)])
    costs = np.concatenate([-model["score"], np.zeros(resources + lines, np.int64)])
    network.add_arcs_with_capacity_and_unit_cost(tails, heads, np.ones_like(tails), costs)
    network.set_nodes_supplies(np.arange(sink + 1), np.concatenate([np.ones(lines), np.zeros(resources), [-lines]]))
    if network.solve() != network.OPTIMAL:
        return None, None
    used = network.flows(np.arange(len(line)))
    return np.flatnonzero(used).tolist(), -network.optimal_cost() + int(model["constant"][0])


def main(method: str, source: str, answer: str, seconds: str) -> None:
    """Solve, and write what was found and what it took."""
    with np.load(source) as arrays:
        model = dict(arrays)
    began = time.perf_counter()
    chosen, bound = {"cp-sat": cp_sat, "flow": flow}[method](model, float(seconds))
    took = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    found = {"chosen": chosen, "bound": bound, "seconds": took, "cpu": used.ru_utime + used.ru_stime}
    Path(answer).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
