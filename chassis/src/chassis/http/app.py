"""A service's HTTP application."""

from collections.abc import Iterable, Mapping

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware

from chassis.access import Verifier
from chassis.db import Pool
from chassis.health import Health
from chassis.http.docs import add_docs
from chassis.http.edge import Ground, LoadScope
from chassis.http.gate import PLACES, Gate
from chassis.http.guard import Guard
from chassis.http.observe import Observe
from chassis.http.openapi import describe
from chassis.http.problem import HANDLERS
from chassis.http.router import Router


def create_app(
    service: str,
    routers: Iterable[Router],
    *,
    pool: Pool,
    verifier: Verifier,
    load_scope: LoadScope,
    health: Health,
    state: Mapping[str, object] | None = None,
) -> FastAPI:
    """The app of a service. What `state` holds is at `request.app.state` for routes that need more than the edge.

    Raises TypeError for a router that isn't a `chassis.http.Router`.
    """
    ours = list(routers)
    if not all(isinstance(router, Router) for router in ours):
        raise TypeError("use chassis.http.Router: it validates bodies strictly")
    gate = Gate(PLACES * pool.get_max_size())
    app = FastAPI(
        title=f"Polepool {service}",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Observe), Middleware(Guard, gate)],
        exception_handlers=dict(HANDLERS),  # type: ignore[arg-type]
        telemetry={"tracing": False, "metrics": False},
    )
    app.state.gate = gate
    app.state.ground = Ground(pool, verifier, load_scope)
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    for router in ours:  # its routes themselves: FastAPI matches each of an included router's twice
        app.router.routes.extend(router.routes)
    app.router.routes.extend(health.routes())
    describe(app, ours)
    add_docs(app)
    return app


def health_app(health: Health) -> Starlette:
    """What a process without an API serves: /livez, /readyz and /metrics."""
    middleware = [Middleware(Observe), Middleware(Guard)]
    return Starlette(routes=health.routes(), middleware=middleware, exception_handlers=dict(HANDLERS))
