"""The sink's pages: plain HTML with its style inside, and the same as JSON."""

import json
from collections.abc import Awaitable, Callable, Sequence
from html import escape

from aiohttp import web

from polepool_local.sink.received import Box, Record

Handler = Callable[[web.Request], Awaitable[web.Response]]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .4rem .6rem; }
tr { border-bottom: 1px solid #ddd; } pre { background: #f4f4f4; padding: 1rem; overflow: auto; white-space: pre-wrap; }
a { color: #00508c; } .empty { color: #595959; }
"""


def overview(mails: Box, webhooks: Box) -> Handler:
    """Both lists, newest first."""

    async def show(_request: web.Request) -> web.Response:
        mail_rows = [(_link("mails", mail), ", ".join(mail["to"]), mail["subject"]) for mail in reversed(mails.records)]
        hook_rows = [
            (_link("webhooks", hook), hook["name"], _type(hook), hook["signature"])
            for hook in reversed(webhooks.records)
        ]
        body = "<h1>Received on this machine</h1><p>Nothing here left it. <a href='/mails.json'>mails.json</a>, "
        body += "<a href='/webhooks.json'>webhooks.json</a></p>"
        body += "<h2>Mails</h2>" + _table(("Received", "To", "Subject"), mail_rows)
        body += "<h2>Webhooks</h2>" + _table(("Received", "Name", "Type", "Signature"), hook_rows)
        return _page("Received on this machine", body)

    return show


def listing(box: Box) -> Handler:
    """The records as JSON, oldest first."""

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(list(box.records))

    return show


def one(box: Box, title: str) -> Handler:
    """One record, whole."""

    async def show(request: web.Request) -> web.Response:
        number = request.match_info["number"]
        found = [record for record in box.records if str(record["number"]) == number]
        if not found:
            raise web.HTTPNotFound(text="No such record")
        parts = [f"<h1>{title} {escape(number)}</h1>", "<p><a href='/'>All</a></p>"]
        for name, value in found[0].items():
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
            parts.append(f"<h2>{escape(name)}</h2><pre>{escape(text)}</pre>")
        return _page(f"{title} {number}", "".join(parts))

    return show


def _link(kind: str, record: Record) -> str:
    return f"<a href='/{kind}/{record['number']}'>{escape(record['received'][:19])}</a>"


def _type(hook: Record) -> str:
    return str(hook["json"].get("type", "")) if isinstance(hook["json"], dict) else ""


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; the first cell of a row is HTML of ours, the others are foreign text."""
    if not rows:
        return "<p class='empty'>None yet.</p>"
    head = "".join(f"<th scope='col'>{name}</th>" for name in heads)
    cells = [f"<td>{first}</td>" + "".join(f"<td>{escape(cell)}</td>" for cell in rest) for first, *rest in rows]
    lines = "".join(f"<tr>{line}</tr>" for line in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _page(title: str, body: str) -> web.Response:
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(title)}</title>"
    text = f"<!doctype html><html lang='en'><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return web.Response(text=text, content_type="text/html", headers=policy)
