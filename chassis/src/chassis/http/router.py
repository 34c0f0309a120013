"""Routes whose bodies are validated from their bytes."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from chassis.http.models import Raw


class _Request(Request):
    async def json(self) -> Any:
        """The body, not parsed here: its command does that."""
        return Raw(await self.body())


class _Route(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_raw(request: Request) -> Response:
            return await handle(_Request(request.scope, request.receive))

        return handle_raw


class Router(APIRouter):
    """A service's routes: FastAPI's router; a JSON body is one `Command`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=_Route, redirect_slashes=False, **options)
