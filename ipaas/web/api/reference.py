"""The reference of the API: its description as a file, and a page of all operations."""

import json
from collections import defaultdict

HEAD = """# REST API

Every operation of the API, as its OpenAPI 3.1 description names it: [openapi.json](openapi.json), which an instance
serves at `/api/v1/schema` and shows at `/api/docs/` with every field, example and error. How to call it is told in
[Use the API](../how-to/use-the-api.md).
"""


def pages() -> dict[str, str]:
    """Name of a file of the reference → its text."""
    from ipaas.web.api.openapi import description

    return {"openapi.json": json.dumps(description(), indent=1, ensure_ascii=False) + "\n", "api.md": _operations()}


def _operations() -> str:
    from ipaas.web.api.openapi import TAGS, description, operations

    rows: dict[str, list[str]] = defaultdict(list)
    for path, method, one in operations(description()):
        permission = one["description"].partition("\n\nPermission: ")[2].rstrip(".")
        rows[one["tags"][0]].append(
            f"| `{method.upper()} {path.removeprefix('/api/v1')}` | {one['summary']} | {permission} |\n"
        )
    parts = [
        f"\n## {name.capitalize()}\n\n{text}\n\n| operation | does | permission |\n|---|---|---|\n{''.join(rows[name])}"
        for name, text in TAGS.items()
    ]
    return HEAD + "".join(parts)
