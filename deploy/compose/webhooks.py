"""Where webhooks of the composed demonstration end: keeps the last ones and lists them at /webhooks.json."""

import json
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY_LIMIT = 1_000_000
RECEIVED: deque[dict[str, Any]] = deque(maxlen=1000)


class Catcher(BaseHTTPRequestHandler):
    """POST /webhooks/NAME keeps, GET /webhooks.json lists, GET /readyz answers."""

    def do_POST(self) -> None:
        """Keep a webhook as it came."""
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_LIMIT:
            self._answer(413, {"limit": BODY_LIMIT})
            return
        body = self.rfile.read(length).decode(errors="replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        RECEIVED.append({"name": self.path.rpartition("/")[2], "headers": headers, "body": body})
        self._answer(200, {})

    def do_GET(self) -> None:
        """List what came."""
        self._answer(200, list(RECEIVED) if self.path == "/webhooks.json" else {})

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8000), Catcher).serve_forever()  # noqa: S104 - in its container
