"""Security schemes that a document asks for at the same time."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipaas.sdk.auth_rules import auth_findings
from ipaas.sdk.openapi.findings import Findings, below, listed
from ipaas.sdk.openapi.naming import identifier

MOST = 10
MOST_TOGETHER = 5
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


def combinations(
    content: Mapping[str, Any], by_name: Mapping[str, list[dict[str, Any]]], taken: set[str], findings: Findings
) -> list[dict[str, Any]]:
    """A scheme of the type ``all`` for each set of schemes that goes together; ``by_name``: the ways of each.

    Of a scheme with several ways the first is meant. A client certificate goes along with any way and is no part. Parts
    that would read the same field of the secret get fields of their own; what is never asked for by itself is not on
    offer by itself.
    """
    made: list[dict[str, Any]] = []
    for place, names in _asked_for(content):
        parts = [by_name[name][0] for name in names if by_name.get(name)]
        known = len(parts) == len(names)
        parts = [one for one in parts if one["type"] != "none"]
        if known and len(parts) < 2:
            continue
        told = " and ".join(names)
        if not known or len(parts) > MOST_TOGETHER or len(made) >= MOST:
            findings.dropped(place, "security_combination", f"{told} together: not every one of them can be given")
            continue
        _apart(parts)
        slug = identifier(told, {name.replace("-", "_") for name in taken}).replace("_", "-")[:40].strip("-")
        together = {"name": slug, "title": told[:80], "type": "all", "schemes": [one["name"] for one in parts]}
        if wrong := next(auth_findings([*parts, together]), None):
            findings.dropped(place, "security_combination", f"{told} together: {wrong['message']}")
            continue
        taken.add(slug)
        made.append(together)
        for name in set(names) - _asked_alone(content):
            for one in by_name[name]:
                one["alone"] = False
    return made


def _asked_alone(content: Mapping[str, Any]) -> set[str]:
    choices = (choice for _, told in _requirements(content) for choice in listed(told))
    return {str(name) for choice in choices if isinstance(choice, Mapping) and len(choice) == 1 for name in choice}


def _asked_for(content: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(place, names) of each combination, once, those of the whole document first."""
    seen: set[frozenset[str]] = set()
    for place, told in _requirements(content):
        for number, choice in enumerate(listed(told)):
            names = tuple(map(str, choice)) if isinstance(choice, Mapping) else ()
            if len(names) > 1 and frozenset(names) not in seen:
                seen.add(frozenset(names))
                yield below(place, number), names


def _requirements(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "/security", content.get("security")
    paths = content.get("paths")
    for path, item in paths.items() if isinstance(paths, Mapping) else ():
        for method in _METHODS:
            operation = item.get(method) if isinstance(item, Mapping) else None
            if isinstance(operation, Mapping) and "security" in operation:
                yield below("/paths", path, method, "security"), operation["security"]


def _apart(parts: list[dict[str, Any]]) -> None:
    """Keys and tokens that would be entered under one name are entered under the names of their schemes."""
    for kind in ("api_key", "bearer"):
        alike = [one for one in parts if one["type"] == kind]
        for one in alike if len(alike) > 1 else ():
            one["fields"] = [{"name": identifier(one["name"], ()), "title": one["title"]}]
