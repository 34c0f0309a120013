"""Requests made up from an OpenAPI document, good ones and bad ones, and what is wrong with the answers."""

import asyncio
from collections.abc import Mapping
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


async def fuzz(document: Mapping[str, Any], url: str, headers: Mapping[str, str], *, examples: int = 25) -> set[int]:
    """Send `examples` requests of each sort to each operation; the statuses that were answered.

    Raises what the first answer that breaks the document, or is a server's error, breaks.
    """
    return await asyncio.to_thread(_fuzz, dict(document), url, dict(headers), examples)


def _fuzz(document: dict[str, Any], url: str, headers: dict[str, str], examples: int) -> set[int]:
    schema = schemathesis.openapi.from_dict(document)
    seen: set[int] = set()
    with requests.Session() as session:
        for found in schema.get_all_operations():
            if not isinstance(found, Ok):
                raise InvalidSchema(str(found))
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                strategy = found.ok().as_strategy(generation_mode=mode)

                @settings(
                    max_examples=examples,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=strategy)
                def send(case: "schemathesis.Case[Any]") -> None:
                    answer = case.call(base_url=url, session=session, headers=headers)
                    case.validate_response(answer, checks=CHECKS)
                    seen.add(answer.status_code)

                send()
    return seen
