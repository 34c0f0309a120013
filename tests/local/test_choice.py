"""Which parts a test session takes, and what it says when it can't."""

import pytest

from tests.parts import FORCE, KAFKA, POSTGRES, choose


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """No addresses, nothing forced, and no engine that answers."""
    for name in (FORCE, POSTGRES, KAFKA):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def test_addresses_that_are_given_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES, "postgresql://a@127.0.0.1:1/a")
    monkeypatch.setenv(KAFKA, "127.0.0.1:2")
    choice = choose()
    assert choice.name == "env"
    with choice.run() as parts:
        assert (parts.postgres_admin_url, parts.kafka_bootstrap) == ("postgresql://a@127.0.0.1:1/a", "127.0.0.1:2")


def test_without_addresses_and_engine_the_local_parts_are_taken_and_it_says_why() -> None:
    choice = choose()
    assert choice.name == "local"
    assert choice.passed_over == (f"env: {POSTGRES} and {KAFKA} not set", "containers: no Docker engine answers")


@pytest.mark.parametrize(
    ("forced", "complaint"),
    [("env", f"{POSTGRES} and {KAFKA} not set"), ("containers", "no Docker engine answers"), ("cloud", "env, cont")],
)
def test_a_forced_choice_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, forced: str, complaint: str
) -> None:
    monkeypatch.setenv(FORCE, forced)
    with pytest.raises(pytest.UsageError, match=complaint):
        choose()
