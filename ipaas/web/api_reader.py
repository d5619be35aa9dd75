"""The reader of the API at ``/api/docs/``: the published description as plain pages, under the pages' own policy.

Made here rather than by a ready viewer: those build their pages in the browser with inline styles, which the policy
refuses, and show nothing without a script.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from ipaas.web.api.openapi import ERRORS, TAGS, description, operations

MOST_DEPTH = 12


@dataclass(frozen=True, slots=True)
class OperationRow:
    method: str
    path: str
    summary: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    text: str
    rows: Sequence[OperationRow]


@dataclass(frozen=True, slots=True)
class Node:
    """A member of a schema; ``facts`` are its limits in words."""

    name: str
    kind: str
    required: bool
    text: str
    facts: str
    children: Sequence["Node"]


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered: its kind, members and an example."""

    status: str
    text: str
    media: str
    nodes: Sequence[Node]
    example: str


@require_GET
def api_docs(request: HttpRequest) -> HttpResponse:
    """All operations by group; ``?q=`` leaves those that have every word."""
    text = request.GET.get("q", "")[:200].strip()
    groups = [group for group in _groups(text.lower().split()) if group.rows]
    shown = {"groups": groups, "q": text, "count": sum(len(group.rows) for group in groups)}
    return render(request, "web/api_docs.html", shown | {"schema_url": reverse("api:schema")})


@require_GET
def api_operation(request: HttpRequest, name: str) -> HttpResponse:
    """One operation: parameters, body, answers, errors and a call to try."""
    found = next((entry for entry in operations(description()) if entry[2]["operationId"] == name), None)
    if found is None:
        raise Http404
    path, method, one = found
    told, _cut, permission = one["description"].partition("\n\nPermission: ")
    request_body = _bodies({"": one["requestBody"]})[0] if "requestBody" in one else None
    context = {
        "one": OperationRow(method.upper(), path, one["summary"], ""),
        "text": _prose(told),
        "permission": permission.strip("`."),
        "crumbs": [{"label": _("REST API"), "url": reverse("web:api_docs")}],
        "parameters": [
            (entry, _node(entry["name"], entry["schema"], (), required=False)) for entry in one["parameters"]
        ],
        "body": request_body,
        "answers": _bodies({status: answer for status, answer in one["responses"].items() if "$ref" not in answer}),
        "errors": [(status, ERRORS[status][1]) for status, answer in one["responses"].items() if "$ref" in answer],
        "curl": _curl(request, path, method.upper(), one, request_body),
    }
    return render(request, "web/api_operation.html", context)


def _prose(text: str) -> SafeString:
    """Paragraphs with code where there are backticks."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", linebreaks(text, autoescape=True)))  # noqa: S308 - escaped


def _groups(words: Sequence[str]) -> Iterator[Group]:
    rows: dict[str, list[OperationRow]] = {name: [] for name in TAGS}
    for path, method, one in operations(description()):
        searched = f"{method} {path} {one['operationId']} {one['description']} {one['tags'][0]}".lower()
        if all(word in searched for word in words):
            url = reverse("web:api_operation", args=[one["operationId"]])
            rows[one["tags"][0]].append(OperationRow(method.upper(), path, one["summary"], url))
    for name, text in TAGS.items():
        yield Group(name.capitalize(), text, rows[name])


def _bodies(answers: Mapping[str, Any]) -> list[Body]:
    found = []
    for status, answer in answers.items():
        text = answer.get("description", "")
        for media, content in answer.get("content", {"": None}).items():
            if content is None:
                found.append(Body(status, text, "", (), ""))
                continue
            example = content["example"]
            shown = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
            found.append(Body(status, text, media, _node("", content["schema"], (), required=True).children, shown))
    return found


def _node(name: str, schema: dict[str, Any], above: tuple[str, ...], *, required: bool) -> Node:
    schema, above = _resolved(schema, above)
    kinds = _words(schema)
    inner, kind = schema, kinds
    if "array" in kinds and isinstance(schema.get("items"), dict):
        inner, above = _resolved(schema["items"], above)
        kind = kinds.replace("array", _("array of {kind}").format(kind=_words(inner) or _("any")))
    needed = set(inner.get("required", ()))
    members: dict[str, Any] = inner.get("properties", {}) if len(above) < MOST_DEPTH else {}
    children = [_node(one, members[one], above, required=one in needed) for one in members]
    return Node(name, kind or _("any"), required, schema.get("description", ""), _facts(schema), children)


def _resolved(schema: dict[str, Any], above: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a reference or a single choice stands for; a schema inside of itself ends there."""
    outer: dict[str, Any] = {}
    while "$ref" in schema or any(way in schema for way in ("allOf", "oneOf", "anyOf")):
        outer = {**{key: value for key, value in schema.items() if key in ("description", "default")}, **outer}
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in above:
                return {"type": "object", **outer}, above
            schema, above = description()["components"]["schemas"][name], (*above, name)
        else:
            schema = next(schema[way][0] for way in ("allOf", "oneOf", "anyOf") if way in schema)
    return {**schema, **outer}, above


def _words(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "")
    named = [kinds] if isinstance(kinds, str) else list(kinds)
    if schema.get("format"):
        named = [schema["format"] if kind == "string" else kind for kind in named]
    return _(" or ").join(named)


def _facts(schema: Mapping[str, Any]) -> str:
    found = []
    if "enum" in schema:
        found.append(_("one of %(values)s") % {"values": ", ".join(str(one) for one in schema["enum"] if one != "")})
    if schema.get("default") not in (None, "", {}, []):
        found.append(_("default %(value)s") % {"value": json.dumps(schema["default"])})
    words = {
        "minimum": _("from %(value)s"), "maximum": _("to %(value)s"), "maxLength": _("at most %(value)s characters"),
        "maxItems": _("at most %(value)s items"),
    }  # fmt: skip
    found += [text % {"value": schema[key]} for key, text in words.items() if key in schema]
    return "; ".join(found)


def _curl(request: HttpRequest, path: str, method: str, one: dict[str, Any], body: Body | None) -> str:
    named = {entry["name"]: str(entry.get("example", f"<{entry['name']}>")) for entry in one["parameters"]}
    for name, value in named.items():
        path = path.replace(f"{{{name}}}", value)
    required = [entry["name"] for entry in one["parameters"] if entry["in"] == "query" and entry.get("required")]
    query = "?" + "&".join(f"{name}=1" for name in required) if required else ""
    verb = "" if method == "GET" else f"-X {method} "
    lines = [
        f"curl {verb}'{request.build_absolute_uri('/')[:-1]}{path}{query}'",
        '-H "Authorization: Bearer $IPAAS_API_KEY"',
    ]
    if method == "POST":
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if body is not None:
        sent = json.dumps(json.loads(body.example), ensure_ascii=False).replace("'", "'\\''")
        lines += ["-H 'Content-Type: application/json'", f"--data '{sent}'"]
    return " \\\n  ".join(lines)
