"""Routes whose bodies are validated from their bytes, and which refuse what they don't read."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from chassis.errors import Invalid
from chassis.http.edge import authenticate, changing_edge, creating_edge, reading_edge
from chassis.http.models import Raw


class _Request(Request):
    async def json(self) -> Any:
        """The body, not parsed here: its command does that."""
        return Raw(await self.body())


class _Route(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        names = frozenset(_query_names(self.dependant))
        takes_body = self.body_field is not None or "requestBody" in (self.openapi_extra or {})
        is_open = not any(_asks_who(each) for each in self.dependant.dependencies)

        async def handle_raw(received: Request) -> Response:
            request = _Request(received.scope, received.receive)
            wrong = _unknown_name(request, names)
            if wrong is None and not takes_body and await request.body():
                wrong = Invalid(field="body", rule="must be empty: nothing reads it here")
            if wrong is not None:
                if not is_open:
                    await authenticate(request)  # who calls is asked before anything is judged
                raise wrong
            return await handle(request)

        return handle_raw


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_names(each)


def _asks_who(dependant: Dependant) -> bool:
    return dependant.call in (reading_edge, creating_edge, changing_edge)


def _unknown_name(request: Request, names: frozenset[str]) -> Invalid | None:
    unknown = next((name for name in request.query_params if name not in names), None)
    return None if unknown is None else Invalid(field=unknown[:100], rule="is not a known parameter")


class Router(APIRouter):
    """A service's routes: FastAPI's router; a JSON body is one `Command`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=_Route, redirect_slashes=False, **options)
