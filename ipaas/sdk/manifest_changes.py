"""How two versions of a manifest differ for those who use it: in words, whether it breaks them, and what to do then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.core.phrases import said
from ipaas.sdk.manifest import ActionSpec, Manifest

MAX_DEPTH = 24
GONE, NEW_AND_REQUIRED, REQUIRED_NOW = "is gone", "is new and required", "is required now"
_GONE = {
    "auth": said("Choose another way to authenticate on the connection before it is moved."),
    "triggers": said("Let the flows that it starts begin by another trigger before the connection is moved."),
    "actions": said("Let the steps that call it call another operation before the connection is moved."),
}
_CAREFUL = said("A failed call is no longer repeated by itself: look at how the steps that call it go on.")


@dataclass(frozen=True, slots=True)
class ManifestChange:
    """``subject`` is an action, a trigger or "" for the whole; ``breaking``: what uses it may stop working.

    ``hint``: what to do about a change that breaks. The writer's own words for those who move are a change of the
    path ``migration.<version>``.
    """

    subject: str
    path: str
    message: str
    breaking: bool
    hint: str = ""

    @property
    def told(self) -> bool:
        """Whether whoever moves a connection has to read it."""
        return self.breaking or self.path.startswith("migration.")


def changes_between(before: Manifest, after: Manifest) -> Iterator[ManifestChange]:
    """What differs, breaking changes first; titles and texts do not count."""
    found = [
        *_notes(before, after),
        *_sets("", "auth", "authentication", before.auth, after.auth),
        *_base_urls(before, after),
        *_sets("", "triggers", "trigger", before.triggers, after.triggers),
        *_sets("", "actions", "operation", before.actions, after.actions),
    ]
    for name, old in before.actions.items():
        new = after.actions.get(name)
        if new is not None and new != old:
            found += _action(name, old, new)
    yield from sorted(found, key=lambda change: not change.breaking)


def _notes(before: Manifest, after: Manifest) -> Iterator[ManifestChange]:
    """What the writer tells those who come from before a version, the oldest first."""
    old, new = _numbers(before.version), _numbers(after.version)
    for version, text in sorted(after.migration.items(), key=lambda one: _numbers(one[0])):
        if old < _numbers(version) <= new:
            yield ManifestChange("", f"migration.{version}", text, False)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _sets(
    subject: str, path: str, what: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[ManifestChange]:
    for name in old.keys() - new.keys():
        yield ManifestChange(subject or name, f"{path}.{name}", f"the {what} {name} is gone", True, _GONE[path])
    for name in new.keys() - old.keys():
        yield ManifestChange(subject or name, f"{path}.{name}", f"the {what} {name} is new", False)


def _base_urls(before: Manifest, after: Manifest) -> Iterator[ManifestChange]:
    if before.base_urls != after.base_urls:
        yield ManifestChange("", "base_urls", "the addresses are others; connections keep theirs", False)


def _action(name: str, old: ActionSpec, new: ActionSpec) -> Iterator[ManifestChange]:
    place = f"actions.{name}"
    if (old.method, old.path) != (new.method, new.path):
        text = f"is called as {new.method} {new.path} instead of {old.method} {old.path}"
        yield ManifestChange(name, f"{place}.path", text, False)
    if old.effect != new.effect:
        careful = new.effect in ("unkeyed", "lookup") and old.effect in ("safe", "keyed")
        text = f"its effect is {new.effect} instead of {old.effect}"
        yield ManifestChange(name, f"{place}.effect", text, careful, _CAREFUL if careful else "")
    for path, words, breaks in _schemas(old.params_schema, new.params_schema, sent=True):
        yield ManifestChange(name, f"{place}.params{path}", words, breaks, _sent_hint(name, words) if breaks else "")
    for path, words, breaks in _schemas(old.response.schema, new.response.schema, sent=False):
        hint = said("Look at the steps that read this of the answer of {action}.", action=name)
        yield ManifestChange(name, f"{place}.response{path}", words, breaks, hint if breaks else "")


def _sent_hint(action: str, words: str) -> str:
    if words == GONE:
        return said("Take it out of every step that calls {action}.", action=action)
    if words in (NEW_AND_REQUIRED, REQUIRED_NOW):
        return said("Give it in every step that calls {action}.", action=action)
    return said("Look at what the steps that call {action} send for it.", action=action)


def _schemas(old: Any, new: Any, *, sent: bool) -> Iterator[tuple[str, str, bool]]:
    """(path, words, breaking): of what is sent, a demand that grew breaks; of an answer, a promise that shrank."""
    yield from _Comparison((old, new), sent=sent).compare(old, new, "", 0)


class _Comparison:
    def __init__(self, roots: tuple[Any, Any], *, sent: bool) -> None:
        self._definitions = tuple(root.get("definitions", {}) if isinstance(root, Mapping) else {} for root in roots)
        self._sent = sent
        self._seen: set[tuple[str, str]] = set()

    def compare(self, old: Any, new: Any, path: str, depth: int) -> Iterator[tuple[str, str, bool]]:
        pair = (str(_reference(old)), str(_reference(new)))
        if depth > MAX_DEPTH or (pair != ("", "") and pair in self._seen):
            return
        self._seen.add(pair)
        old, new = self._open(old, 0), self._open(new, 1)
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            return
        yield from self._types(old, new, path)
        yield from self._members(old, new, path, depth)
        yield from self._choices(old, new, path)
        if "items" in old and "items" in new:
            yield from self.compare(old["items"], new["items"], f"{path}[]", depth + 1)

    def _open(self, schema: Any, side: int) -> Any:
        for _ in range(8):
            name = _reference(schema)
            if not name:
                break
            schema = self._definitions[side].get(name)
        return schema

    def _types(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, bool]]:
        before, after = _kinds(old), _kinds(new)
        if before == after:
            return
        narrower, wider = before - after, after - before
        breaking = bool(narrower if self._sent else wider) or not (before and after)
        words = f"is {_listed(after)} instead of {_listed(before)}"
        yield path, words, breaking

    def _members(
        self, old: Mapping[str, Any], new: Mapping[str, Any], path: str, depth: int
    ) -> Iterator[tuple[str, str, bool]]:
        before, after = _mapping(old.get("properties")), _mapping(new.get("properties"))
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before.keys() - after.keys()):
            yield f"{path}.{name}", GONE, True
        for name in sorted(after.keys() - before.keys()):
            demanded = self._sent and name in needed_after
            yield f"{path}.{name}", NEW_AND_REQUIRED if demanded else "is new", demanded
        for name in sorted(before.keys() & after.keys()):
            if name in needed_after - needed_before:
                yield f"{path}.{name}", REQUIRED_NOW, self._sent
            if name in needed_before - needed_after:
                yield f"{path}.{name}", "is optional now", not self._sent
            yield from self.compare(before[name], after[name], f"{path}.{name}", depth + 1)

    def _choices(self, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, bool]]:
        before, after = _values(old), _values(new)
        if before is None or after is None or before == after:
            return
        gone, added = sorted(before - after), sorted(after - before)
        if gone:
            yield path, f"no longer takes {', '.join(gone)[:160]}", self._sent
        if added:
            yield path, f"also takes {', '.join(added)[:160]}", not self._sent


def _reference(schema: Any) -> str:
    found = schema.get("$ref") if isinstance(schema, Mapping) else None
    return found.removeprefix("#/definitions/") if isinstance(found, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _kinds(schema: Mapping[str, Any]) -> frozenset[str]:
    kinds = schema.get("type", ())
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _listed(kinds: frozenset[str]) -> str:
    return " or ".join(sorted(kinds)) or "anything"


def _values(schema: Mapping[str, Any]) -> set[str] | None:
    found = schema.get("enum")
    return {str(value) for value in found} if isinstance(found, list) else None
