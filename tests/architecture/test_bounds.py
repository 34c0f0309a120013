"""Versions that were seen to fail are not allowed back in, whatever a resolver would take."""

import tomllib

import pytest
from packaging.requirements import Requirement

from tests.architecture.tree import files


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("asyncpg", "0.31.0"),  # close() hangs
        ("faststream", "0.7.7"),  # loses records of a refused batch, skips what its parser raised on
    ],
)
def test_a_version_that_fails_is_not_allowed(name: str, bad: str) -> None:
    wanted = [
        requirement
        for path in files(".toml")
        if path.name == "pyproject.toml"
        for line in tomllib.loads(path.read_text("utf-8")).get("project", {}).get("dependencies", [])
        if (requirement := Requirement(line)).name == name
    ]
    assert wanted
    assert not any(requirement.specifier.contains(bad) for requirement in wanted)
