"""Where everything is: what the demonstration and people need to know."""

from dataclasses import dataclass

from polepool_local.home import SERVICES
from polepool_local.ports import HOST


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of everything that runs; `mails` and `webhooks` are those of the catchers' pages."""

    membership: str
    pooling: str
    notifications: str
    kafka: str
    mails: str
    webhooks: str

    @property
    def services(self) -> dict[str, str]:
        """Base URL by service."""
        return {"membership": self.membership, "pooling": self.pooling, "notifications": self.notifications}

    def docs(self, service: str) -> str:
        """The service's API documentation."""
        return f"{self.services[service]}/docs"

    def metrics(self, service: str) -> str:
        """The service's Prometheus metrics."""
        return f"{self.services[service]}/metrics"


def at(ports: dict[str, int]) -> Addresses:
    """The addresses that these ports give."""
    url = {name: f"http://{HOST}:{ports[name]}" for name in ("sink", *SERVICES)}
    return Addresses(
        url["membership"],
        url["pooling"],
        url["notifications"],
        kafka=f"{HOST}:{ports['kafka']}",
        mails=url["sink"],
        webhooks=url["sink"],
    )
