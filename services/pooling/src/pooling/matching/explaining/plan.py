"""Explanations of a plan, line by line."""

from collections.abc import Collection

from pooling.matching.compiling import compile_problem
from pooling.matching.explaining.columns import Columns
from pooling.matching.explaining.placed import placed_lines
from pooling.matching.explaining.unplaced import unplaced_lines
from pooling.matching.explanations import Explanations
from pooling.matching.problem import Plan, Problem


def explain(problem: Problem, plan: Plan, lines: Collection[str] | None = None) -> Explanations:
    """Why each of these lines (by id; None: every line) is placed where it is, or isn't placed.

    The plan keeps the rules. Raises KeyError for a line or a resource that the problem doesn't hold.
    """
    compiled = compile_problem(problem)
    number_of = {line.id: number for number, line in enumerate(compiled.lines)}
    numbers = range(len(compiled.lines)) if lines is None else sorted({number_of[line] for line in lines})
    where = {place.line: place for place in plan.placed}
    columns = Columns.of(compiled, where)
    placed = [number for number in numbers if compiled.lines[number].id in where]
    unplaced = [number for number in numbers if compiled.lines[number].id not in where]
    return Explanations(
        {each.line.id: each for each in placed_lines(compiled, columns, where, placed)},
        {each.line.id: each for each in unplaced_lines(compiled, columns, where, unplaced)},
    )
