"""python -m schemas generate | check | compat | example: keep what is published in step with the models."""

import argparse
import sys

from schemas import gates, golden
from schemas.catalogue import event_types
from schemas.documents import HOME


def main() -> int:
    """Run one command; 0 when all is well, 1 with one line for each thing that is not."""
    parser = argparse.ArgumentParser(prog="python -m schemas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("generate", help="write json/, asyncapi.yaml and asyncapi.html; refuses a breaking change")
    commands.add_parser("check", help="every gate: catalogue, compatibility, golden examples, nothing stale")
    compat = commands.add_parser("compat", help="compare with schemas that were published before")
    compat.add_argument("--base", help="a folder of JSON Schemas or a git revision; all of git's history without it")
    example = commands.add_parser("example", help="begin the golden example of a new type from a neighbour's")
    example.add_argument("type", help="the new event type, as polepool.membership.project_ended.v1")
    example.add_argument("--like", required=True, help="the type whose example is copied")
    options = parser.parse_args()
    try:
        wrong = _run(options)
    except ValueError as error:
        wrong = [str(error)]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    if not wrong:
        sys.stdout.write(f"schemas {options.command}: {len(event_types())} event types, all well\n")
    return 1 if wrong else 0


def _run(options: argparse.Namespace) -> list[str]:
    if options.command == "generate":
        return gates.generate()
    if options.command == "check":
        return gates.everything()
    if options.command == "example":
        golden.draft(options.type, options.like, HOME / "examples")
        return []
    return list(gates.compatibility(base=options.base))


if __name__ == "__main__":
    sys.exit(main())
