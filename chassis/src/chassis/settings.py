"""Settings from the environment (`POLEPOOL_DATABASE__URL`) and from files of the same names in a secrets folder.

They are read once, by `load`, in a service's composition root. The secrets folder is `/run/secrets`, or what
`POLEPOOL_SECRETS_DIR` names; a file there is called like the variable, in any case. The environment wins.
"""

import os
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

PREFIX = "POLEPOOL_"
SECRETS_DIR = "POLEPOOL_SECRETS_DIR"


class Settings(BaseModel):
    """A small group of settings; a service's own groups extend it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(Settings):
    """Where the service's database is: as the app role, as the owner (migrate), as an administrator (provision)."""

    url: SecretStr
    owner_url: SecretStr | None = None
    admin_url: SecretStr | None = None
    pool_size: int = Field(
        default=6,
        ge=1,
        le=200,
        description="Connections at most; more than the database can serve at once cost more.",
    )
    command_timeout: float = Field(default=30.0, gt=0, description="Seconds.")
    keep_events_days: int = Field(default=90, ge=1, description="How long published events stay in the outbox.")


class KafkaSettings(Settings):
    """Where the brokers are: host:port, several separated by commas."""

    bootstrap_servers: str
    instance: str | None = Field(default=None, description="This process's name for ever in its consumer group.")


class HttpSettings(Settings):
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    trusted_proxies: str | None = Field(
        default=None, description="Addresses, separated by commas, whose X-Forwarded-For and -Proto are believed."
    )
    linger: float = Field(
        default=3.0, ge=0, le=60, description="Seconds that a process told to end is unready, yet answers the API."
    )


class AccessSettings(Settings):
    """Whose tokens count."""

    issuer: str
    audience: str = "polepool"
    jwks_url: str


class TelemetrySettings(Settings):
    """What is logged, and where traces go (nowhere without an endpoint)."""

    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    otlp_endpoint: str | None = None


class ServiceSettings(BaseSettings):
    """What every service needs to know. A service's `settings.py` extends it with groups of its own."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore", secrets_dir_missing="ok"
    )

    database: DatabaseSettings
    kafka: KafkaSettings
    http: HttpSettings = HttpSettings()
    access: AccessSettings
    telemetry: TelemetrySettings = TelemetrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then files; no .env file."""
        folder = os.environ.get(SECRETS_DIR, "/run/secrets")
        files = NestedSecretsSettingsSource(file_secret_settings, secrets_dir=folder)
        return init_settings, env_settings, files


S = TypeVar("S", bound=ServiceSettings)


class BadSettings(Exception):
    """Settings are missing or wrong; the message is one line that names the variables."""


def load(settings: type[S]) -> S:
    """Read the settings, raising `BadSettings` with one line that names what is missing or wrong, and no value."""
    try:
        return settings()
    except ValidationError as error:
        raise BadSettings("; ".join(_complaint(settings, each) for each in error.errors(include_url=False))) from None
    except SettingsError as error:
        raise BadSettings(str(error)) from None


def _complaint(settings: type[ServiceSettings], error: ErrorDetails) -> str:
    path = [str(part) for part in error["loc"]]
    if error["type"] != "missing":
        return f"{_variable(path)}: {error['msg']}"
    return "; ".join(f"{_variable([*path, *name])} is missing" for name in _required(settings, path))


def _required(settings: type[BaseModel], path: list[str]) -> list[list[str]]:
    """What is missing below `path`: a group that is missing as a whole is named by its required members."""
    model: object = settings
    for name in path:
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        model = fields[name].annotation if name in fields else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [[name] for name, field in model.model_fields.items() if field.is_required()] or [[]]
    return [[]]


def _variable(path: list[str]) -> str:
    return PREFIX + "__".join(path).upper()
