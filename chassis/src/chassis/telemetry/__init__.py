"""Logs, traces and metrics: what a process says of itself. Names of metrics are in `metrics`."""

from chassis.settings import TelemetrySettings
from chassis.telemetry import metrics
from chassis.telemetry.logs import configure_logs
from chassis.telemetry.traces import configure_traces, continued, current_traceparent, flush_traces

__all__ = ["configure", "continued", "current_traceparent", "flush_traces", "metrics"]


def configure(service: str, settings: TelemetrySettings) -> None:
    """Log JSON lines on standard output, and send traces to the OTLP endpoint if there is one."""
    configure_logs(service, settings.log_level)
    configure_traces(service, settings.otlp_endpoint)
