"""The AsyncAPI document as one HTML page for people: no script, nothing loaded from elsewhere."""

from collections.abc import Iterator
from html import escape
from typing import Any

from schemas import asyncapi
from schemas.documents import Document, text_of

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --link: light-dark(#0a56a8, #8ec2ff); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); }
h3 { margin-top: 2rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
pre, .wide { overflow-x: auto; background: var(--soft); padding: .75rem; border-radius: .4rem; }
.wide { padding: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
summary { cursor: pointer; padding: .5rem 0; }
nav ul { columns: 16rem; padding-left: 1.2rem; }
"""


def render(document: Document | None = None) -> str:
    """The page of an AsyncAPI document, of today's when none is given."""
    whole = document or asyncapi.document()
    info = whole["info"]
    paragraphs = "".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n"))
    channels = whole["channels"]
    links = "".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in channels)
    sections = "\n".join(_channel(name, channel, whole) for name, channel in channels.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(info["title"])} {escape(info["version"])}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{escape(info["title"])} {escape(info["version"])}</h1>{paragraphs}</header>
<nav aria-label="Topics"><h2>Topics</h2><ul>{links}</ul></nav>
<main>
{sections}
</main>
</body>
</html>
"""


def _prose(text: str) -> str:
    """Escaped text with `code` in backquotes and *stress* in asterisks."""
    parts = escape(text).split("`")
    marked = [part if index % 2 == 0 else f"<code>{part}</code>" for index, part in enumerate(parts)]
    stressed = "".join(marked).split("*")
    return "".join(part if index % 2 == 0 else f"<em>{part}</em>" for index, part in enumerate(stressed))


def _channel(name: str, channel: Document, whole: Document) -> str:
    kafka = channel["bindings"]["kafka"]
    cleanup = ", ".join(kafka["topicConfiguration"]["cleanup.policy"])
    messages = "\n".join(_message(whole["components"]["messages"][type_], name, whole) for type_ in channel["messages"])
    return f"""<section id="{escape(name)}">
<h2>{escape(name)}</h2>
<p>{_prose(channel["description"])} {kafka["partitions"]} partitions, cleanup: {escape(cleanup)}.</p>
{messages}
</section>"""


def _message(message: Document, topic: str, whole: Document) -> str:
    name = message["name"]
    readers = ", ".join(_readers(name, topic, whole)) or "nobody yet"
    rows = "".join(_row(*field) for field in _fields(message["payload"], whole))
    headers = "".join(
        f"<tr><td><code>{escape(header)}</code></td><td>{escape(str(schema.get('const', '')))}</td>"
        f"<td>{_prose(schema.get('description', ''))}</td></tr>"
        for header, schema in message["headers"]["properties"].items()
    )
    samples = "".join(
        f"<details><summary>Example: {escape(sample['name'])}</summary>"
        f"<pre>{escape(text_of(sample['headers']))}\n{escape(text_of(sample['payload']))}</pre></details>"
        for sample in message["examples"]
    )
    return f"""<article id="{escape(name)}">
<h3>{escape(message["title"])}</h3>
<p>{_prose(message["summary"])}</p>
<p><code>{escape(name)}</code>, read by {escape(readers)}.</p>
<details><summary>Data</summary><div class="wide"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>{rows}</tbody></table></div></details>
<details><summary>Headers</summary><div class="wide"><table>
<thead><tr><th scope="col">Header</th><th scope="col">Value</th><th scope="col">Meaning</th></tr></thead>
<tbody>{headers}</tbody></table></div></details>
{samples}
</article>"""


def _readers(type_: str, topic: str, whole: Document) -> Iterator[str]:
    reference = {"$ref": f"#/channels/{topic}/messages/{type_}"}
    for operation in whole["operations"].values():
        if operation["action"] == "receive" and reference in operation["messages"]:
            yield operation["bindings"]["kafka"]["groupId"]["const"]


Field = tuple[str, str, str, bool]


def _fields(schema: dict[str, Any], whole: Document, path: str = "") -> Iterator[Field]:
    """Every field of the data, depth first: its path, type, description, and whether it is always there."""
    schema = _target(schema, whole)
    needed = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        target = _target(inner, whole)
        yield here, _type(target), inner.get("description") or target.get("description", ""), name in needed
        yield from _children(target, whole, here)


def _children(target: Document, whole: Document, path: str) -> Iterator[Field]:
    if "items" in target:
        yield from _fields(target["items"], whole, f"{path}[]")
    else:
        yield from _fields(target, whole, path)
    for variant in (v for key in ("oneOf", "anyOf") for v in target.get(key, ())):
        variant = _target(variant, whole)  # noqa: PLW2901
        constants = [p["const"] for p in variant.get("properties", {}).values() if "const" in p]
        yield from _fields(variant, whole, f"{path}({'/'.join(map(str, constants))})" if constants else path)


def _target(schema: Document, whole: Document) -> Document:
    if reference := schema.get("$ref"):
        target: Document = whole["components"]["schemas"][reference.rsplit("/", 1)[-1]]
        return target
    return schema


def _type(schema: Document) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return repr(schema["const"])
    variants = [v for key in ("oneOf", "anyOf") for v in schema.get(key, ())]
    if variants:
        return " or ".join(_type(v) if "type" in v else v["$ref"].rsplit("/", 1)[-1] for v in variants)
    bounds = [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([schema.get("format") or schema.get("type", "any"), *bounds])


def _row(path: str, type_: str, description: str, needed: bool) -> str:
    meaning = _prose(description) if needed else f"Optional. {_prose(description)}"
    return f"<tr><td><code>{escape(path)}</code></td><td>{escape(type_)}</td><td>{meaning}</td></tr>"
