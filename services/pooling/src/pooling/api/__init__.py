"""HTTP in: parse, open the transaction, call a handler, translate a refusal."""

from pooling.api import bookings, requests, resources

ROUTERS = (resources.router, requests.router, bookings.router)
