"""The page about event types, made from the catalogue."""

from ipaas.core import jsonio
from ipaas.notices.event_types import CATALOGUE

INTRODUCTION = """# Event types

What [webhooks](../how-to/webhooks.md) can be told of. Each is a CloudEvents 1.0 event in structured mode; its `data`
has the members below: ids and labels, never what a run carries, a reason that somebody wrote, or a secret. Members may
be added; ignore those that you do not know. `GET /api/v1/webhooks/types` gives the JSON Schema of each. This page is
made from `ipaas/notices/event_types.py`.
"""


def event_reference() -> str:
    """The page."""
    parts = [INTRODUCTION]
    for one in CATALOGUE:
        parts.append(f"## `{one.name}`\n\n{one.doc}\n\n| member | means |\n|---|---|")
        parts.append("\n".join(f"| `{name}` | {text} |" for name, text in one.fields.items()))
        parts.append(f"\n```json\n{jsonio.dumps(dict(one.example)).decode()}\n```\n")
    return "\n".join(parts)
