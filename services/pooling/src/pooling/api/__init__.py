"""HTTP in: parse, open the transaction, call a handler, translate a refusal."""

from pooling.api import bookings, requests, resources

ROUTERS = (bookings.router, resources.router, requests.router)
"""Routes are tried in this order, so what many wait for comes first."""
