"""What notifications counts beside what every service does; times are in seconds."""

from prometheus_client import Counter, Gauge

NEWS = Counter("polepool_news", "Events that said something new, by what came of them.", ["result"])
MAILS = Counter("polepool_mails", "Mails by result: sent, failed, dropped, postponed.", ["result"])
WEBHOOK_ATTEMPTS = Counter("polepool_webhook_attempts", "Webhook attempts by result.", ["result"])
OLDEST = Gauge("polepool_due_oldest_seconds", "How long the oldest due item has been due.", ["queue"])
