"""HTTP in: problems, limits, Idempotency-Key, If-Match, pages, documentation."""

from chassis.http.app import create_app, health_app
from chassis.http.edge import Changes, Creates, Edge, Opens, Reads
from chassis.http.gate import step_out
from chassis.http.models import Command, Page, Part, Window, Windowed, cursor
from chassis.http.router import Router
from chassis.http.server import listen, serve
from chassis.http.texts import Line, Paragraphs

__all__ = [
    "Changes",
    "Command",
    "Creates",
    "Edge",
    "Line",
    "Opens",
    "Page",
    "Paragraphs",
    "Part",
    "Reads",
    "Router",
    "Window",
    "Windowed",
    "create_app",
    "cursor",
    "health_app",
    "listen",
    "serve",
    "step_out",
]
