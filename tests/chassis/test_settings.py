"""Settings come from the environment and from files; what is wrong is named in one line, without its value."""

from pathlib import Path

import pytest

from chassis.settings import BadSettings, ServiceSettings, load

GOOD = {
    "POLEPOOL_DATABASE__URL": "postgresql://app:secret@db/x",
    "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": "kafka:9092",
    "POLEPOOL_ACCESS__ISSUER": "https://issuer.example",
    "POLEPOOL_ACCESS__JWKS_URL": "https://issuer.example/jwks",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Good settings, and an empty secrets folder."""
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POLEPOOL_SECRETS_DIR", str(tmp_path))
    return monkeypatch


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("POLEPOOL_HTTP__PORT", "8123")
    settings = load(ServiceSettings)
    assert settings.database.url.get_secret_value() == GOOD["POLEPOOL_DATABASE__URL"]
    assert (settings.http.port, settings.access.audience, settings.telemetry.otlp_endpoint) == (8123, "polepool", None)


def test_secrets_come_from_files_named_like_the_variables(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.delenv("POLEPOOL_DATABASE__URL")
    (tmp_path / "POLEPOOL_DATABASE__URL").write_text("postgresql://from-a-file/x\n")
    assert load(ServiceSettings).database.url.get_secret_value() == "postgresql://from-a-file/x"


def test_a_missing_secrets_folder_is_no_error(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("POLEPOOL_SECRETS_DIR", str(tmp_path / "none"))
    assert load(ServiceSettings).kafka.bootstrap_servers == "kafka:9092"


def test_what_is_missing_is_named_by_its_variable(environment: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        environment.delenv(name)
    with pytest.raises(BadSettings) as refusal:
        load(ServiceSettings)
    assert str(refusal.value) == "; ".join(f"{name} is missing" for name in GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLEPOOL_HTTP__PORT", "70000"),
        ("POLEPOOL_HTTP__PORT", "http"),
        ("POLEPOOL_DATABASE__POOL_SIZE", "0"),
        ("POLEPOOL_TELEMETRY__LOG_LEVEL", "LOUD"),
        ("POLEPOOL_DATABASE__PASSWORD", "hunter2"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    with pytest.raises(BadSettings) as refusal:
        load(ServiceSettings)
    assert str(refusal.value).startswith(f"{name}: ")
    assert "\n" not in str(refusal.value)
    assert value not in str(refusal.value)


def test_secrets_do_not_show(environment: pytest.MonkeyPatch) -> None:
    assert "secret@" not in repr(load(ServiceSettings))
