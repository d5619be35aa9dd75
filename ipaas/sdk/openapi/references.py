"""Local references of a document, followed with care: cycles end, what lies elsewhere is told."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ipaas.sdk.openapi.findings import Findings

MAX_HOPS = 32


class References:
    """Looks up ``$ref`` values; only those into the document itself are followed."""

    def __init__(self, content: Mapping[str, Any], findings: Findings) -> None:
        self.content = content
        self._findings = findings
        self._named: dict[str, Any] | None = None

    def target(self, reference: str) -> Any:
        """What a reference points at; None where it leads nowhere or out of the document."""
        if reference != "#" and not reference.startswith("#/"):
            return self._anchors().get(reference)
        found: Any = self.content
        for raw in reference.lstrip("#").split("/")[1:]:
            part = unquote(raw).replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
                found = found[int(part)]
            else:
                return None
        return found

    def _anchors(self) -> dict[str, Any]:
        """What JSON Schema gives a name of its own, by ``$id`` or an anchor; of several the first one counts."""
        if self._named is None:
            self._named = {}
            waiting: list[Any] = [self.content]
            while waiting:
                one = waiting.pop()
                if isinstance(one, Mapping):
                    for key, mark in (("$id", ""), ("$anchor", "#"), ("$dynamicAnchor", "#")):
                        if isinstance(one.get(key), str):
                            self._named.setdefault(mark + one[key], one)
                    waiting.extend(one.values())
                elif isinstance(one, list):
                    waiting.extend(one)
        return self._named

    def resolved(self, value: Any, path: str) -> dict[str, Any]:
        """A parameter, body or answer with its reference followed; empty, and told, where it can not be."""
        for _ in range(MAX_HOPS):
            if not isinstance(value, Mapping):
                self._findings.dropped(path, "not_an_object", "an object was expected here")
                return {}
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return dict(value)
            found = self.target(reference)
            if found is None:
                self.missing(path, reference)
                return {}
            value = found
        self._findings.dropped(path, "reference_loop", "references lead round in a circle")
        return {}

    def missing(self, path: str, reference: str) -> None:
        if reference.startswith("#"):
            self._findings.dropped(path, "reference_missing", f"{reference[:120]} leads nowhere")
        else:
            text = (
                f"{reference[:120]} lies outside the document and is never fetched; bundle the document into one file"
            )
            self._findings.dropped(path, "reference_outside", text)
