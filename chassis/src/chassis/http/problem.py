"""Every error is an RFC 9457 problem with a stable type and code; `errors` names fields and the rules they break."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from chassis.errors import Refused, Retry, Unauthenticated
from chassis.http.models import Raw

MEDIA_TYPE = "application/problem+json"
_RULES = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "timezone_aware": "must have an offset from UTC, like 2026-11-05T09:00:00+01:00 or a Z at the end",
    "uuid_parsing": "must be a UUID",
    "uuid_type": "must be a UUID, as a string",
    "json_invalid": "must be valid JSON",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "finite_number": "must be a finite number",
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    instance: str = "",
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as an answer. `extra` members come besides the standard ones, never instead of them."""
    members: dict[str, object] = {
        **(extra or {}),
        "type": f"urn:polepool:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if instance:
        members["instance"] = instance
    body = orjson.dumps(members, default=_plain)
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def _plain(value: Any) -> object:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


def invalid(field: str, rule: str, instance: str, *, status: int = 422, code: str = "invalid") -> Response:
    """A problem about one part of the request."""
    errors = {"errors": [{"field": field, "rule": rule}]}
    return problem(status, code, "A part of the request is not valid.", instance=instance, extra=errors)


def busy(instance: str, after: float = 1.0) -> Response:
    """Nothing is wrong with the request: try the same again."""
    detail = "The service cannot do this at the moment: try again."
    return problem(503, "unavailable", detail, instance=instance, headers={"Retry-After": str(max(1, round(after)))})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - as registered
    headers = {"WWW-Authenticate": 'Bearer realm="polepool"'} if isinstance(error, Unauthenticated) else {}
    if "retry_after" in error.extra:
        headers["Retry-After"] = str(error.extra["retry_after"])
    return problem(
        error.status, error.code, error.message, instance=request.url.path, extra=error.extra, headers=headers
    )


async def _retry(request: Request, error: Exception) -> Response:
    return busy(request.url.path, error.after if isinstance(error, Retry) else 1.0)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    phrase = HTTPStatus(error.status_code).phrase if error.status_code in set(HTTPStatus) else "Error"
    code = re.sub(r"[^a-z]+", "_", phrase.lower().replace("'", ""))
    details = {404: "There is no such thing here.", 405: "This address does not take that method."}
    detail = details.get(error.status_code, phrase + ".")
    return problem(error.status_code, code, detail, instance=request.url.path, headers=error.headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    if isinstance(error.body, bytes):
        return unsupported(request.url.path)
    body = _read(error.body)
    errors = [{"field": _field(each["loc"], body), "rule": _rule(each)} for each in _telling(error.errors())]
    detail = "A part of the request is not valid."
    return problem(422, "invalid", detail, instance=request.url.path, extra={"errors": errors[:50]})


def _read(body: Any) -> Any:
    """A body as far as it can be read, to name its fields by; None when it can't."""
    try:
        return orjson.loads(body.body) if isinstance(body, Raw) else body
    except orjson.JSONDecodeError:
        return None


def _telling(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All but those that only follow from others: pydantic counts a list's invalid items as missing."""
    inside = {each["loc"][:depth] for each in errors for depth in range(len(each["loc"]))}
    return [each for each in errors if each["type"] != "too_short" or each["loc"] not in inside]


def unsupported(instance: str) -> Response:
    """The body isn't in a format that is read here."""
    detail = "Send the body as application/json, in UTF-8."
    return problem(415, "unsupported_media_type", detail, instance=instance)


def _field(loc: tuple[int | str, ...], body: Any) -> str:
    """The dotted path of a field in the request: without the names of union branches that pydantic puts between."""
    place, *path = loc
    if place != "body":
        return ".".join(str(part) for part in path)
    named = []
    for number, part in enumerate(path):
        inside = part in body if isinstance(body, dict) else isinstance(body, list) and part in range(len(body))
        if inside or number == len(path) - 1:
            named.append(str(part))
        if inside:
            body = body[part]
    return ".".join(named) or "body"


def _rule(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind in _RULES:
        return _RULES[kind]
    if kind in ("too_short", "too_long"):
        least, most, count = (error["ctx"].get(name) for name in ("min_length", "max_length", "actual_length"))
        return f"must have at {'least' if most is None else 'most'} {least if most is None else most}, not {count}"
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message.replace("Input should", "must", 1)


HANDLERS: dict[type[Exception], ExceptionHandler] = {
    Refused: _refused,
    Retry: _retry,
    HTTPException: _http,
    RequestValidationError: _validation,
}
"""How the app answers each kind of error; others are for `chassis.http.observe`."""
