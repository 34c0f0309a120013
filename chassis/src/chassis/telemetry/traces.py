"""W3C trace context from HTTP through the outbox and Kafka to the consumer.

Without an OTLP endpoint nothing records spans: only the ids flow, which costs some microseconds.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
_provider: TracerProvider | None = None

EXPORT_SECONDS = 1.0
"""How long sending a batch of spans may take, retries included: the end of a process waits for the last one."""


def configure_traces(service: str, endpoint: str | None) -> None:
    """Send spans to `endpoint` (OTLP over HTTP, an address that ends in /v1/traces), or to nowhere."""
    global _provider  # noqa: PLW0603 - there is one per process, as in OpenTelemetry itself
    if endpoint is None:
        _provider = None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    _provider = TracerProvider(resource=Resource.create({"service.name": service}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)))


def flush_traces() -> None:
    """Send what is left; blocks for a moment."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def continued(traceparent: str | None, name: str) -> Iterator[Span]:
    """A span called `name` that continues the W3C `traceparent` given; a new trace when it is absent or malformed."""
    parent = _parse(traceparent)
    span = _recorded(name, parent) if _provider is not None else _carried(parent)
    token = context.attach(trace.set_span_in_context(span))
    try:
        yield span
    except BaseException as error:
        span.record_exception(error) if span.is_recording() else None
        raise
    finally:
        span.end()
        context.detach(token)


def current_traceparent() -> str:
    """The W3C traceparent of where we are, or an empty string outside any trace."""
    at = trace.get_current_span().get_span_context()
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}" if at.is_valid else ""


def current_ids() -> tuple[str, str] | None:
    """Trace id and span id of where we are, in hexadecimal."""
    at = trace.get_current_span().get_span_context()
    return (f"{at.trace_id:032x}", f"{at.span_id:016x}") if at.is_valid else None


def _parse(traceparent: str | None) -> SpanContext | None:
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None or ((traceparent or "").startswith("00") and match[4]):
        return None
    flags = TraceFlags(int(match[3], 16) & TraceFlags.SAMPLED)
    return SpanContext(int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=flags)


def _recorded(name: str, parent: SpanContext | None) -> Span:
    within = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else context.Context()
    return (_provider or trace.get_tracer_provider()).get_tracer("chassis").start_span(name, context=within)


def _carried(parent: SpanContext | None) -> Span:
    trace_id = parent.trace_id if parent else random.getrandbits(128) or 1
    span_id = random.getrandbits(64) or 1
    flags = parent.trace_flags if parent else TraceFlags(TraceFlags.DEFAULT)
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=flags))
