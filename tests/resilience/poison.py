"""Records that no consumer can handle, each wrong in a way of its own."""

import json
import random

from chassis.db import new_id
from chassis.testing.kafka import Raw
from schemas.membership import PoleOpened

TOPIC = PoleOpened.TOPIC


def _headers(key: str, **changes: bytes | None) -> list[tuple[str, bytes | None]]:
    right: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": str(new_id()).encode(),
        "ce_source": b"/polepool/membership",
        "ce_type": PoleOpened.TYPE.encode(),
        "ce_subject": key.encode(),
        "ce_time": b"2026-11-01T08:00:00Z",
    }
    return list((right | changes).items())


def _not_json(key: str) -> Raw:
    return Raw(b"{", key.encode(), _headers(key))


def _wrong_schema(key: str) -> Raw:
    return Raw(json.dumps({"pole": {"id": key}}).encode(), key.encode(), _headers(key))


def _null_header(key: str) -> Raw:
    return Raw(b"{}", key.encode(), _headers(key, ce_id=None))


def _header_not_utf8(key: str) -> Raw:
    return Raw(b"{}", key.encode(), _headers(key, ce_source=b"\xff\xfe"))


def _null_value(key: str) -> Raw:
    return Raw(None, key.encode(), _headers(key))


KINDS = {
    "not JSON": _not_json,
    "wrong schema": _wrong_schema,
    "null header": _null_header,
    "header that isn't UTF-8": _header_not_utf8,
    "null value": _null_value,
}


def poisoned(rng: random.Random, kind: str) -> tuple[str, int, Raw]:
    """A record of this kind: its topic, a partition, the record."""
    return TOPIC, rng.randrange(3), KINDS[kind](str(new_id()))
