"""docs/reliability.md: what is promised, what proves it, and the figures of the last run. Runs write it."""

from datetime import UTC, datetime
from pathlib import Path

from tests.resilience.attack import Report
from tests.resilience.plants import PLANTS

PAGE = Path("docs/reliability.md")
ABOUT = """\
Written by `make resilience`; the harness and its failpoints are described in
[tests/resilience](../tests/resilience/README.md)."""
READING = """\
Each line is a rule that the checker applies to what a run left behind: the clients' ledgers, the databases, the event
logs, the topics, and the receivers of mails and webhooks. The figures are how many things each run let it look at."""
NOT_TESTED = """\
- The loss of a disk, and of more than one machine at a time: PostgreSQL and Kafka run on one node here.
- SMTP can't say twice that it has a mail: a process that dies in the very moment of handing one over sends a copy, with
  the same Message-ID. The same holds for webhooks, with the same webhook-id.
- Clocks that jump."""


def write(runs: dict[str, Report], *, caught: int, page: Path = PAGE) -> None:
    """Write the page about these runs, by what was done in each."""
    bugs = "; ".join(each.says for each in PLANTS.values())
    parts = [
        "# Reliability",
        ABOUT,
        "## What is promised, and what was seen",
        READING,
        _table(runs),
        "## The runs",
        "\n".join(_about(name, run) for name, run in runs.items()),
        "## Whether the checker would notice",
        f"{caught} of {len(PLANTS)} bugs, planted one at a time, were found by the same rules: {bugs}.",
        "## What isn't tested",
        NOT_TESTED,
        f"Run on {datetime.now(UTC):%Y-%m-%d}.",
    ]
    page.write_text("\n\n".join(parts) + "\n")


def _table(runs: dict[str, Report]) -> str:
    rules = list(dict.fromkeys(each.rule for run in runs.values() for each in run.verdicts))
    lines = ["| rule | " + " | ".join(runs) + " |", "|---|" + "---:|" * len(runs)]
    for rule in rules:
        cells = [_cell(run, rule) for run in runs.values()]
        lines.append(f"| {rule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(run: Report, rule: str) -> str:
    for each in run.verdicts:
        if each.rule == rule:
            return f"{each.checked:,}" if each.holds else f"**{len(each.violations):,} wrong** of {each.checked:,}"
    return ""


def _about(name: str, run: Report) -> str:
    outcomes = ", ".join(f"{count:,} {what}" for what, count in sorted(run.intents.items()))
    faults = ", ".join(f"{fault} × {count}" for fault, count in sorted(run.faults.items()))
    figures = f"seed {run.seed}, {run.seconds:,.0f} s, {run.faults.total():,} faults"
    return f"- **{name}**: {figures} ({faults or 'none'}). Commands: {outcomes}."
