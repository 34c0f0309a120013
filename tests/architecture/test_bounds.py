"""Versions that were seen to fail are not allowed back in, whatever a resolver would take."""

import tomllib

from packaging.requirements import Requirement

from tests.architecture.tree import files


def test_asyncpg_whose_close_hangs_is_not_allowed() -> None:
    wanted = [
        requirement
        for path in files(".toml")
        if path.name == "pyproject.toml"
        for line in tomllib.loads(path.read_text("utf-8")).get("project", {}).get("dependencies", [])
        if (requirement := Requirement(line)).name == "asyncpg"
    ]
    assert wanted
    assert not any(requirement.specifier.contains("0.31.0") for requirement in wanted)
