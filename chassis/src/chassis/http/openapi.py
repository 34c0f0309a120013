"""The OpenAPI document says what the edge does: tokens, Idempotency-Key, If-Match, ETag, problems."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from chassis.http.edge import changing_edge, creating_edge, open_edge, reading_edge
from chassis.http.router import Router

PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). Members beyond these tell more: a conflicting id, alternatives.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:polepool:problem:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: programs may compare it."},
        "detail": {"type": "string", "description": "For people."},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "rule"],
                "properties": {"field": {"type": "string"}, "rule": {"type": "string"}},
            },
        },
    },
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A new random value per intention, the same one when it is sent again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[\\x20-\\x7e]+$"},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what was read.",
    "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,17}"$'},
    "example": '"3"',
}
_BUSY = {
    "description": "More is asked than can be done, or something is away for a moment: send the same again, later.",
    "headers": {"Retry-After": {"description": "Seconds to wait before.", "schema": {"type": "integer", "minimum": 1}}},
}
_HEADERS: dict[Callable[..., Any], list[dict[str, Any]]] = {
    open_edge: [],
    reading_edge: [],
    creating_edge: [{**_KEY, "required": True}],
    changing_edge: [_IF_MATCH, {**_KEY, "required": False}],
}


def describe(app: FastAPI, routers: Iterable[Router]) -> None:
    """Let `app.openapi()` tell the whole story."""
    edges = {(path, method): edge for router in routers for path, method, edge in _edges(router)}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes)
            app.openapi_schema = _completed(document, edges)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _edges(router: Router) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            used = [each.call for each in route.dependant.dependencies if each.call is not None]
            edge = next((call for call in used if call in _HEADERS), open_edge)
            yield from ((route.path_format, method.lower(), edge) for method in route.methods or ())


def _completed(document: dict[str, Any], edges: dict[tuple[str, str], Callable[..., Any]]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            _complete(operation, edges.get((path, method), open_edge))
    return document


def _complete(operation: dict[str, Any], edge: Callable[..., Any]) -> None:
    problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    responses = operation["responses"]
    responses.pop("422", None)
    responses["503"] = {**_BUSY, **problem}
    responses["default"] = {"description": "A problem.", **problem}
    if edge is not open_edge:
        operation["security"] = [{"token": []}]
    if _HEADERS[edge]:
        operation["parameters"] = [*operation.get("parameters", []), *_HEADERS[edge]]
        etag = {"description": "The version, in quotes.", "schema": {"type": "string"}}
        for status in responses:
            if status.startswith("2"):
                responses[status].setdefault("headers", {})["ETag"] = etag
