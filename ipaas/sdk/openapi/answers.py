"""What an operation answers: how a good answer is read, and the vendor's own form of a bad one."""

import re
from collections.abc import Mapping
from typing import Any

from ipaas.sdk.openapi.findings import Findings, below
from ipaas.sdk.openapi.naming import is_json
from ipaas.sdk.openapi.references import References
from ipaas.sdk.openapi.samples import Sampler
from ipaas.sdk.openapi.schemas import SchemaConverter

_BAD = {
    "invalid": (400, ("400", "422", "4XX", "default")),
    "missing": (404, ("404",)),
    "unauthorized": (401, ("401", "403")),
    "key_conflict": (409, ("409",)),
    "rejection": (422, ("422", "409")),
}
_MESSAGES = (
    "message",
    "detail",
    "error_description",
    "errorMessage",
    "description",
    "msg",
    "reason",
    "title",
    "text",
)
_RATE = re.compile(r"(?:x-)?rate-?limit|retry-after$", re.IGNORECASE)
_STATUSES = frozenset({"status", "statusCode", "status_code", "code", "errorCode"})


class AnswerReader:
    """Reads the answers of one document; ``replies`` are the bad ones, each as the first operation tells it."""

    def __init__(self, references: References, converter: SchemaConverter, findings: Findings) -> None:
        self._references, self._converter, self._findings = references, converter, findings
        self._sampler = Sampler(converter.definitions, whole=True)
        self._found: dict[str, dict[str, Any]] = {}

    @property
    def replies(self) -> dict[str, Any]:
        """For the stand-in; what the document does not tell has the form of what it tells."""
        usual = self._found.get("invalid") or next(iter(self._found.values()), None)
        if usual is None:
            return {}
        return {
            kind: self._found.get(kind) or {"status": status, "body": _with_status(usual.get("body"), status)}
            for kind, (status, _) in _BAD.items()
        }

    def read(self, operation: Mapping[str, Any], headers: dict[str, Any], place: str) -> tuple[dict[str, Any], int]:
        """How a good answer is read, and its status; its schema only describes it: vendors promise too much."""
        answers = operation.get("responses")
        told = answers if isinstance(answers, Mapping) else {}
        good = sorted(one for one in map(str, told) if one[:1] == "2")
        if not good and "default" in told:
            good = ["default"]
        kinds: set[str] = set()
        schema: Any = None
        for status in good:
            where = below(place, "responses", status)
            content = self._content(told, status, where)
            for kind, media in content.items():
                kinds.add(kind)
                if schema is None and is_json(kind) and isinstance(media, Mapping) and ("schema" in media):
                    schema = self._converter.convert(media["schema"], below(where, "content", kind, "schema"))
                    schema = {**schema, **examples(media)} if isinstance(schema, dict) else schema
        found: dict[str, Any] = {"format": _answer_format(kinds, several=len(good) > 1)}
        if isinstance(schema, dict):
            found |= {"schema": schema, "enforce": False}
        if kinds and not any(_is_usual(kind) for kind in kinds):
            headers["Accept"] = ", ".join(sorted(kinds))[:200]
        self._read_bad(told, place)
        self._tell_rate(told, place)
        return found, int(good[0]) if good and good[0].isdecimal() and len(good[0]) == 3 else 200

    def _tell_rate(self, answers: Mapping[str, Any], place: str) -> None:
        """Headers in which the vendor announces its rate (RFC 9110, 10.2.3, and what most vendors send)."""
        for name in self.headers(answers, place):
            if _RATE.match(name):
                text = f"the vendor announces its rate in {name[:60]}; set the limit on the connection"
                self._findings.note("", "rate_limit", text)

    def headers(self, answers: Mapping[str, Any], place: str) -> dict[str, None]:
        """Names of the headers that any of the answers is described with, in order."""
        found: dict[str, None] = {}
        for status in answers:
            answer = self._references.resolved(answers[status], below(place, "responses", str(status)))
            if isinstance(answer.get("headers"), Mapping):
                found |= dict.fromkeys(map(str, answer["headers"]))
        return found

    def _content(self, answers: Mapping[str, Any], status: str, where: str) -> dict[str, Any]:
        answer = self._references.resolved(answers.get(status, answers.get(_number(status))), where)
        content = answer.get("content")
        return {str(kind): media for kind, media in content.items()} if isinstance(content, Mapping) else {}

    def _read_bad(self, answers: Mapping[str, Any], place: str) -> None:
        for kind, (usual, statuses) in _BAD.items():
            if kind in self._found:
                continue
            for status in statuses:
                if status in answers or _number(status) in answers:
                    number = int(status) if status.isdecimal() else usual
                    self._keep_bad(kind, number, self._content(answers, status, below(place, "responses", status)))
                    break

    def _keep_bad(self, kind: str, status: int, content: Mapping[str, Any]) -> None:
        for name, media in content.items():
            if not is_json(name) or not isinstance(media, Mapping):
                continue
            told = examples(media).get("examples")
            if told:
                body = told[0]
            elif "schema" in media:
                body = self._sampler.sample(self._converter.convert(media["schema"], ""))
            else:
                continue
            if isinstance(body, dict) and body and "{{" not in str(body):
                self._found[kind] = {"status": status, "body": _with_status(_with_message(body), status)}
            return


def _with_message(body: dict[str, Any]) -> dict[str, Any]:
    """The body with a place for what is wrong, in the first member that people read."""
    made = _filled(body, 0)
    return made if made is not None else {**body, "message": "{{ message }}"}


def _filled(value: Any, depth: int) -> Any:
    """A copy with the message in place; None where there is no place for one."""
    if isinstance(value, list) and value:
        first = _filled(value[0], depth + 1)
        return None if first is None else [first]
    if not isinstance(value, dict) or depth > 4:
        return None
    name = next((name for name in _MESSAGES if isinstance(value.get(name), str)), None)
    if name is not None:
        return {**value, name: "{{ message }}"}
    for key, one in value.items():
        below_it = _filled(one, depth + 1)
        if below_it is not None:
            return {**value, key: below_it}
    return None


def _with_status(body: Any, status: int) -> Any:
    if isinstance(body, dict):
        return {
            name: status
            if name in _STATUSES and isinstance(one, int) and 400 <= one < 600
            else _with_status(one, status)
            for name, one in body.items()
        }
    return [_with_status(one, status) for one in body] if isinstance(body, list) else body


def _is_usual(kind: str) -> bool:
    return kind.split(";", 1)[0].strip().lower() in ("application/json", "text/json", "application/*", "*/*", "*")


def _answer_format(kinds: set[str], *, several: bool) -> str:
    if not kinds:
        return "any"
    if all(is_json(kind) for kind in kinds):
        return "any" if several else "json"
    if any(is_json(kind) or kind.startswith(("text/", "*")) or "xml" in kind for kind in kinds):
        return "any"
    return "base64"


def examples(media: Mapping[str, Any]) -> dict[str, Any]:
    """The examples of a media type or parameter as JSON Schema has them; nothing where there are none."""
    if "example" in media:
        return {"examples": [media["example"]]}
    named = media.get("examples")
    values = (
        [one["value"] for one in named.values() if isinstance(one, Mapping) and "value" in one]
        if isinstance(named, Mapping)
        else []
    )
    return {"examples": values} if values else {}


def _number(status: str) -> Any:
    return int(status) if status.isdecimal() else status
