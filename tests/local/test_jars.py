"""Kafka's jars where there is no network."""

from pathlib import Path

import pytest
from jgo.maven import MavenContext

from polepool_local import jars
from polepool_local.ports import HOST


def test_a_jar_that_cannot_be_fetched_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = {"central": f"http://{HOST}:9"}
    monkeypatch.setattr(jars, "STORE", tmp_path)
    monkeypatch.setattr(jars, "PAUSES", (0.0,))
    monkeypatch.setattr(jars, "_context", lambda cache: MavenContext(repo_cache=cache, remote_repos=nowhere, timeout=1))

    with pytest.raises(jars.JarMissing, match=r"(?s)can't be fetched: .*\nWhat was fetched is kept: run it again"):
        jars.classpath()
    assert list(tmp_path.iterdir()) == []
