"""Every metric of the chassis, in Prometheus' terms; times are in seconds."""

from prometheus_client import Counter, Gauge, Histogram

CONSUMER_LAG = Gauge("polepool_consumer_lag", "Records not consumed yet.", ["topic", "partition"])
OUTBOX_OLDEST_SECONDS = Gauge(
    "polepool_outbox_oldest_seconds", "Age of the oldest event not published yet.", ["service"]
)
OUTBOX_PENDING = Gauge("polepool_outbox_pending", "Events committed and not published yet.", ["service"])
OUTBOX_REPUBLISHING = Gauge(
    "polepool_outbox_republishing", "Positions of the log that are to be published again, in all slots.", ["service"]
)
OUTBOX_PUBLISHED = Counter("polepool_outbox_published", "Events that the broker acknowledged.")
OLDEST_TRANSACTION_SECONDS = Gauge(
    "polepool_oldest_transaction_seconds",
    "Age of the service's oldest open transaction: what it wrote isn't seen yet.",
    ["service"],
)
DEAD_LETTERS = Counter("polepool_dead_letters", "Messages sent to a dead-letter topic.", ["topic"])
FAILED_COMMITS = Counter("polepool_failed_commits", "Offset commits that failed.")
CONSUMED = Counter("polepool_consumed", "Messages by result: effect, seen, skipped, dead_lettered.", ["result"])
BATCH_SIZE = Histogram(
    "polepool_batch_size", "Messages per consumed batch.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
)
HANDLER_SECONDS = Histogram(
    "polepool_handler_seconds",
    "Time in a handler of events, per run.",
    ["handler"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
HTTP_REFUSED = Counter(
    "polepool_http_refused",
    "Requests refused because there was more to do than gets done, by reason: full (too many wait "
    "already), stuck (the oldest has waited too long), late (it has waited too long itself), gone (its client left).",
    ["reason"],
)
HTTP_UNDER_WAY = Gauge("polepool_http_under_way", "Requests that are worked on.")
HTTP_WAITING = Gauge("polepool_http_waiting", "Requests that wait for their turn.")
HTTP_SECONDS = Histogram(
    "polepool_http_seconds",
    "Time to answer a request.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
