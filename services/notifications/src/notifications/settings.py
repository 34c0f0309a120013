"""What notifications needs to know beside what every service does; read only by `app.py`.

Lists are JSON in the environment: `POLEPOOL_WEBHOOK__ALLOWED_TARGETS='["127.0.0.1:8025"]'`.
"""

from typing import Literal, Self

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator, model_validator

from chassis.settings import ServiceSettings, Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MembershipSettings(Settings):
    """Where people's addresses are asked for, at sending time, and as whom."""

    url: str = Field(pattern="^https?://")
    client_id: str
    client_secret: SecretStr
    contact_seconds: float = Field(default=60.0, ge=0, description="How long a contact is remembered in memory.")


class MailSettings(Settings):
    """The SMTP server and what mails say of us."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = Field(default="starttls", description="`none` only on this machine.")
    plain_hosts: tuple[str, ...] = Field(
        default=(), description="Further hosts for which `none` will do: a mail catcher beside a demonstration."
    )
    username: str | None = None
    password: SecretStr | None = None
    sender: str = Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")
    sender_name: str = Field(default="Polepool", pattern=r"^[^\r\n]{1,100}$")
    unsubscribe: str | None = Field(
        default=None,
        pattern=r"^(mailto:|https://)[!-;=?-~]+$",
        max_length=900,
        description="For List-Unsubscribe, if somebody or something answers there.",
    )
    portal_url: str | None = Field(default=None, pattern=r"^https?://[^\s<>]+$")
    timeout: float = Field(default=20.0, gt=0, description="Seconds, for each SMTP command.")
    content_timeout: float = Field(
        default=90.0, gt=0, description="Seconds, for the answer to a mail's content: servers look into it first."
    )
    lease: float = Field(default=300.0, gt=0, description="Seconds after which another worker may take the mail.")
    attempts: int = Field(default=10, ge=1)
    first_delay: float = Field(default=15.0, gt=0, description="Seconds before the second attempt; then it doubles.")
    longest_delay: float = Field(default=3600.0, gt=0)
    batch: int = Field(default=20, ge=1, le=200)

    @model_validator(mode="after")
    def plain_text_stays_on_this_machine(self) -> Self:
        """Refuse a mail server elsewhere that would be spoken to in plain text."""
        if self.tls == "none" and self.host not in LOOPBACK.union(self.plain_hosts):
            raise ValueError("tls none is only for a mail server on this machine: use starttls or tls")
        return self

    @model_validator(mode="after")
    def a_lease_outlasts_a_mail(self) -> Self:
        """Refuse a lease that ends while the mail server may still answer: nothing could be sent within it."""
        if self.lease <= self.longest:
            raise ValueError("lease must be longer than twice timeout and content_timeout")
        return self

    @property
    def longest(self) -> float:
        """Seconds that a server has for one mail: for its sender and recipient, and twice for its content."""
        return 2 * self.timeout + 2 * self.content_timeout


class WebhookSettings(Settings):
    """How webhooks are kept and sent."""

    keys: tuple[SecretStr, ...] = Field(
        default=(), description="Fernet keys for the subscribers' secrets: the first seals, all open."
    )
    allowed_targets: tuple[str, ...] = Field(
        default=(), description="host:port reached without the address guard and without TLS: for demonstrations."
    )
    ports: frozenset[int] = frozenset({443, 8443})
    schedule: tuple[float, ...] = Field(
        default=(5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600, 24 * 3600),
        min_length=1,
        description="Seconds from a failed attempt to the next one, and up to a fifth more; after the last: failed.",
    )
    connect_timeout: float = Field(default=5.0, gt=0)
    total_timeout: float = Field(default=15.0, gt=0)
    lease: float = Field(default=60.0, gt=0)
    per_host: int = Field(default=4, ge=1, description="Deliveries under way to one host.")
    in_flight: int = Field(default=100, ge=1, description="Deliveries under way in this process.")
    breaker: int = Field(default=5, ge=1, description="Failures in a row after which a subscription pauses.")
    per_organisation: int = Field(default=10, ge=1, description="Active subscriptions.")

    @field_validator("allowed_targets")
    @classmethod
    def hosts_are_in_lower_case(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        """A host is the same in any case."""
        return tuple(each.lower() for each in targets)

    @field_validator("keys")
    @classmethod
    def keys_are_fernet_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """Refuse at start-up what could not seal anything later."""
        for key in keys:
            Fernet(key.get_secret_value())
        return keys


class RetentionSettings(Settings):
    """How many days things are kept. News and delivery logs must outlive the week in which an event is news."""

    notifications: int = Field(default=180, ge=8)
    news: int = Field(default=30, ge=8)


class NotificationsSettings(ServiceSettings):
    """Everything; `membership`, `mail` and `webhook.keys` are only needed by the roles that use them."""

    membership: MembershipSettings | None = None
    mail: MailSettings | None = None
    webhook: WebhookSettings = WebhookSettings()
    retention: RetentionSettings = RetentionSettings()
    poll_seconds: float = Field(default=0.5, gt=0, description="How often workers look for what is due.")
