"""docs/reliability.md: what is promised, what proves it, the figures of each attack's last run. Runs write it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.resilience.attack import Report
from tests.resilience.plants import PLANTS

PAGE = Path("docs/reliability.md")
RECORD = Path("docs/reliability.json")
"""The last run of each attack: the page is made from it."""
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


def record(name: str, report: Report) -> None:
    """Keep what an attack showed in place of what it showed before, and write the page anew."""
    runs, plants = _kept()
    runs[name] = {
        "on": f"{datetime.now(UTC):%Y-%m-%d}",
        "seed": report.seed,
        "seconds": round(report.seconds),
        "faults": dict(report.faults),
        "intents": dict(report.intents),
        "verdicts": [asdict(each) for each in report.verdicts],
    }
    _write(runs, plants)


def record_plants(found: dict[str, float]) -> None:
    """Keep which planted bugs were found, and after how many seconds."""
    runs, _ = _kept()
    _write(runs, found)


def _kept() -> tuple[dict[str, Any], dict[str, float]]:
    if not RECORD.exists():
        return {}, {}
    kept = json.loads(RECORD.read_text())
    return kept["runs"], kept["plants"]


def _write(runs: dict[str, Any], plants: dict[str, float]) -> None:
    RECORD.write_text(json.dumps({"runs": runs, "plants": plants}, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(runs, plants))


def page(runs: dict[str, Any], plants: dict[str, float]) -> str:
    """The page about these runs, by what was done in each, and the seconds after which planted bugs were found."""
    parts = [
        "# Reliability",
        ABOUT,
        "## What is promised, and what was seen",
        READING,
        _table(runs),
        "## The runs",
        "\n".join(_about(name, run) for name, run in runs.items()),
        "## Whether the checker would notice",
        f"{len(plants)} of {len(PLANTS)} bugs, planted one at a time, were found by the same rules:",
        "\n".join(f"- {each.says}: {_after(plants.get(name))}" for name, each in PLANTS.items()),
        "## What isn't tested",
        NOT_TESTED,
    ]
    return "\n\n".join(parts) + "\n"


def _after(seconds: float | None) -> str:
    return "not run to its end" if seconds is None else f"found after {seconds:.0f} s"


def _table(runs: dict[str, Any]) -> str:
    rules = list(dict.fromkeys(each["rule"] for run in runs.values() for each in run["verdicts"]))
    lines = ["| rule | " + " | ".join(runs) + " |", "|---|" + "---:|" * len(runs)]
    for rule in rules:
        cells = [_cell(run, rule) for run in runs.values()]
        lines.append(f"| {rule} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(run: dict[str, Any], rule: str) -> str:
    for each in run["verdicts"]:
        if each["rule"] == rule:
            wrong, checked = len(each["violations"]), f"{each['checked']:,}"
            return f"**{wrong:,} wrong** of {checked}" if wrong else checked
    return ""


def _about(name: str, run: dict[str, Any]) -> str:
    outcomes = ", ".join(f"{count:,} {what}" for what, count in sorted(run["intents"].items()))
    faults = ", ".join(f"{fault} × {count}" for fault, count in sorted(run["faults"].items()))
    figures = f"{run['on']}, seed {run['seed']}, {run['seconds']:,.0f} s, {sum(run['faults'].values()):,} faults"
    return f"- **{name}**: {figures} ({faults or 'none'}). Answers: {outcomes}."
