"""One vendor's stand-in: routes from the manifest's actions, behaviour from its ``stub`` section, state in memory.

State is a fold over the effects: the same requests at the same recorded times give the same state, which is how
a restart rebuilds it from the ledger.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ipaas.expressions import ExpressionError, compile_expression, compile_value
from ipaas.sdk.auth_body import blanked, came_along
from ipaas.sdk.connector import Connector
from ipaas.sdk.cookies import cookie_pairs
from ipaas.sdk.manifest import ActionSpec, AuthScheme
from ipaas.sdk.paths import MISSING, read_path
from ipaas.sdk.stubs.authority import Authority, digest_challenge
from ipaas.sdk.stubs.http import StubAnswer, StubRequest, decoded, json_answer, xml_answer
from ipaas.sdk.stubs.pages import Cut, StubPages

Evaluate = Callable[[Mapping[str, Any]], Any]

PAGE_SIZE = 100
"""Of a list whose request asks for no size."""
_PLAIN_PATH = re.compile(r"\s*\{\{\s*([a-z_]+(?:\.[A-Za-z0-9_]+)*)\s*\}\}\s*")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
_DEFAULT_REPLIES = {
    "missing": {"status": 404, "body": {"error": {"code": "not_found", "message": "No such resource."}}},
    "key_conflict": {
        "status": 409,
        "body": {"error": {"code": "idempotency_conflict", "message": "This key was used with another body."}},
    },
    "unauthorized": {"status": 401, "body": {"error": {"code": "unauthorized", "message": "No credential."}}},
    "invalid": {"status": 400, "body": {"error": {"code": "invalid_request", "message": "{{ message }}"}}},
    "rejection": {"status": 422, "body": {"error": {"code": "rejected", "message": "Refused by a business rule."}}},
}


@dataclass(frozen=True, slots=True)
class Applied:
    """Outcome of one request: the answer, and what the ledger says about it (``effect``, ``replay`` or nothing)."""

    answer: StubAnswer
    outcome: str = ""
    reference: Any = None
    entity_id: str | None = None


@dataclass(slots=True)
class Operation:
    """A compiled stub operation."""

    name: str
    do: str
    method: str
    pattern: re.Pattern[str]
    entity: str
    id_prefix: str
    key_header: str
    key_field: str
    keep_body: bool
    make_id: Evaluate | None
    members: dict[str, Evaluate]
    where: dict[str, Evaluate]
    sort: str
    after: tuple[str, Evaluate] | None
    limit: Evaluate | None
    pages: StubPages | None
    by_member: bool
    reference: Evaluate | None
    rejects: list[tuple[Evaluate, int, Evaluate]]
    status: int
    reply: Evaluate | None
    answer: Callable[[int, Any], StubAnswer] = json_answer
    when: Evaluate | None = None
    headers: Evaluate | None = None


@dataclass(slots=True)
class State:
    """Entities by kind and id, counters, and answers by effect key."""

    entities: dict[str, dict[str, dict[str, Any]]]
    counters: dict[str, int] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, StubAnswer, Any, str | None]] = field(default_factory=dict)


class VendorStub:
    """Answers for one vendor. ``apply`` is synchronous and atomic: one process, one thread."""

    def __init__(self, connector: Connector) -> None:
        manifest = connector.manifest
        self.slug = manifest.slug
        self.stub = manifest.stub
        self.operations = {
            name: _operation(manifest.actions[name], document)
            for name, document in self.stub.get("operations", {}).items()
        }
        self._by_method: dict[str, list[Operation]] = {}
        for operation in self.operations.values():
            self._by_method.setdefault(operation.method, []).append(operation)
        for found in self._by_method.values():
            found.sort(key=lambda one: one.when is None)  # those with a condition are asked first
        self._needs_credential = all(scheme.type != "none" for scheme in manifest.auth.values())
        self._schemes = tuple(manifest.auth.values())
        self.page_size = PAGE_SIZE
        self.authority = Authority(manifest)
        self.reset()

    def reset(self) -> None:
        """Back to the seeds; what was granted ends."""
        self.authority.reset()
        self.state = State(entities=deepcopy(dict(self.stub.get("seeds", {}))))

    def route(self, request: StubRequest, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation of a request and the values in its path."""
        for operation in (*self._by_method.get(request.method, ()), *self._by_method.get("*", ())):
            match = operation.pattern.fullmatch(path)
            if match and _meant(operation, request):
                return operation, {name: decoded(value) for name, value in match.groupdict().items()}
        return None

    def authenticated(self, request: StubRequest) -> bool:
        """Whether a whole credential came along; its value is judged only where it changes with its use."""
        if not self._needs_credential:
            return True
        return any(self._whole(scheme, request) for scheme in self._schemes)

    def _whole(self, scheme: AuthScheme, request: StubRequest) -> bool:
        if not scheme.together and scheme.rotates is None and scheme.type != "digest":
            return "authorization" in request.headers or self._came(scheme, request)
        return all(self._came(part, request) for part in scheme.parts)

    def _came(self, scheme: AuthScheme, request: StubRequest) -> bool:
        if scheme.send_body:
            return came_along(request.headers.get("content-type", ""), request.json(), scheme.send_body)
        name = scheme.parameter or ("X-Api-Key" if scheme.location == "header" else "api_key")
        if scheme.type == "api_key" and scheme.location == "query":
            return name in request.query
        if scheme.type == "api_key" and scheme.location == "cookie":
            return name in dict(cookie_pairs(request.headers.get("cookie", "")))
        if scheme.type == "api_key":
            return name.lower() in request.headers
        if scheme.type == "hmac":
            return scheme.hmac.header.lower() in request.headers
        given = request.headers.get(scheme.send_header, "")
        if scheme.type == "digest":
            return given.startswith("Digest ")
        return bool(given) and (scheme.rotates is None or self.authority.in_force(scheme, given))

    def without_credential(self, request: StubRequest) -> Any:
        """The body as it may be kept."""
        body, kind = request.json(), request.headers.get("content-type", "")
        for scheme in self._schemes:
            for part in scheme.parts:
                body = blanked(kind, body, part.send_body)
        return body

    def refused(self) -> StubAnswer:
        """The answer to a request without a credential, with a challenge where one is answered."""
        answer = self.reply("unauthorized")
        if any(part.type == "digest" for scheme in self._schemes for part in scheme.parts):
            answer.headers["www-authenticate"] = digest_challenge()
        return answer

    def refusal(self, operation: Operation, request: StubRequest, path: str) -> StubAnswer | None:
        """The answer to a request that is not as described; these stand-ins look at what their rules name only."""
        return None

    def reply(self, name: str, scope: Mapping[str, Any] | None = None) -> StubAnswer:
        """One of the vendor's standard replies: missing, key_conflict, unauthorized, invalid, rejection."""
        document = self.stub.get(name, _DEFAULT_REPLIES[name])
        return json_answer(document["status"], _template(document.get("body"))(scope or {}))

    def apply(
        self, operation: Operation, values: Mapping[str, str], request: StubRequest, *, time: str, digest: str
    ) -> Applied:
        """Do what the request asks for, once per effect key."""
        body = request.json()
        scope: dict[str, Any] = {"path": values, "query": request.query, "body": body, "time": time, "id": None}
        key = self.key_of(operation, request, body)
        if key:
            known = self.state.keys.get((operation.name, key))
            if known is not None:
                if known[0] != digest:
                    return Applied(self.reply("key_conflict", scope))
                headers = {**known[1].headers, "idempotent-replayed": "true"}
                return Applied(StubAnswer(known[1].status, known[1].body, headers), "replay", known[2], known[3])
        try:
            applied = self._apply_new(operation, scope, request)
        except ExpressionError as error:
            return Applied(json_answer(400, {"error": {"code": "bad_request", "message": error.detail}}))
        if key and applied.outcome == "effect":
            self.state.keys[operation.name, key] = (digest, applied.answer, applied.reference, applied.entity_id)
        return applied

    def key_of(self, operation: Operation, request: StubRequest, body: Any) -> str:
        """The effect key that the request carries, or an empty text."""
        if operation.key_header:
            return request.headers.get(operation.key_header, "")
        found = read_path(body, operation.key_field) if operation.key_field else MISSING
        return found if isinstance(found, str) else ""

    def _apply_new(self, operation: Operation, scope: dict[str, Any], request: StubRequest) -> Applied:
        for when, status, body in operation.rejects:
            if when(scope):
                return Applied(operation.answer(status, body(scope)))
        if operation.do == "list":
            return Applied(self._page(operation, scope, request))
        kind = self.state.entities.setdefault(operation.entity, {})
        if operation.do in ("create", "record"):
            entity_id = self._new_id(operation, scope)
        else:
            entity_id = str(operation.make_id(scope)) if operation.make_id else next(iter(scope["path"].values()), "")
        scope["id"] = entity_id
        before = kind.get(entity_id)
        if before is None and operation.do in ("read", "update", "delete"):
            return Applied(self.reply("missing", scope))
        scope["entity"] = before
        if operation.do == "read":
            return Applied(self._answer(operation, scope, before))
        reference = operation.reference(scope) if operation.reference else entity_id
        entity = {**(before or {}), **{name: make(scope) for name, make in operation.members.items()}}
        gone = operation.do == "delete" and not operation.members
        again = not gone and operation.do in ("put", "update", "delete") and before is not None
        repeated = again and self._same(operation, before or {}, entity)
        if gone:
            del kind[entity_id]  # with members it is kept and marked, as some vendors do
        elif operation.do != "record":
            kind[entity_id] = entity
        scope["entity"] = entity
        answer = self._answer(operation, scope, entity)
        return Applied(answer, "replay" if repeated else "effect", reference, entity_id)

    def _same(self, operation: Operation, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Nothing but times changed: the request was repeated."""
        changed = {name for name in after if before.get(name) != after[name]}
        return all(name.endswith("_at") for name in changed)

    def _new_id(self, operation: Operation, scope: Mapping[str, Any]) -> str:
        if operation.make_id is not None:
            return str(operation.make_id(scope))
        number = self.state.counters.get(operation.entity, 0) + 1
        while f"{operation.id_prefix}{number:08d}" in self.state.entities.get(operation.entity, {}):
            number += 1  # a seed has it
        self.state.counters[operation.entity] = number
        return f"{operation.id_prefix}{number:08d}"

    def _page(self, operation: Operation, scope: dict[str, Any], request: StubRequest) -> StubAnswer:
        """A page of a list, as the action's pagination has it; the whole list where it has none."""
        limit = operation.limit(scope) if operation.limit else None
        size = int(limit) if limit else None
        found, headers = Cut(self._listed(operation, scope)[: None if operation.pages else size]), {}
        if operation.pages is not None:
            member = operation.after[0] if operation.after and operation.by_member else ""
            found = operation.pages.cut(found.items, size or self.page_size, request, scope, member)
            headers = {"link": f'<{found.next}>; rel="next"'} if found.next and operation.pages.by_link else {}
        scope["items"], scope["next"] = found.items, found.next
        answer = self._answer(operation, scope, found.items)
        answer.headers.update(headers)
        return answer

    def _listed(self, operation: Operation, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
        wanted = {name: make(scope) for name, make in operation.where.items()}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        found = [
            one
            for one in self.state.entities.get(operation.entity, {}).values()
            if all(str(one.get(name)) == str(value) for name, value in wanted.items())
        ]
        if operation.sort:
            found.sort(key=lambda one: str(one.get(operation.sort)))
        if operation.after:
            member, start = operation.after[0], operation.after[1](scope)
            found = [one for one in found if start is None or str(one.get(member)) > str(start)]
        return found

    def _answer(self, operation: Operation, scope: Mapping[str, Any], default: Any) -> StubAnswer:
        told = operation.headers(scope) if operation.headers else {}
        answer = operation.answer(operation.status, operation.reply(scope) if operation.reply else default)
        answer.headers.update({name.lower(): str(value) for name, value in told.items()})
        return answer


def _meant(operation: Operation, request: StubRequest) -> bool:
    """Whether a request is for this operation, where several share a method and a path."""
    if operation.when is None:
        return True
    scope = {"headers": dict(request.headers), "query": request.query, "body": request.json()}
    try:
        return bool(operation.when(scope))
    except ExpressionError:
        return False  # it looks at something that this request has not


def _operation(action: ActionSpec, document: Mapping[str, Any]) -> Operation:
    reply = document.get("reply", {"status": 200})
    after = document.get("after")
    pages = StubPages.of(action) if action.pagination else None
    return Operation(
        name=action.name,
        do=document["do"],
        method="*" if "{{" in action.method else action.method.upper(),
        pattern=_pattern(action),
        entity=document.get("entity", action.name),
        id_prefix=document.get("id_prefix", ""),
        key_header=action.idempotency.header.lower(),
        key_field=action.idempotency.field,
        keep_body=document.get("keep_body", True),
        make_id=_template(document["id"]) if "id" in document else None,
        members={name: _template(one) for name, one in document.get("set", {}).items()},
        where={name: _template(one) for name, one in document.get("where", {}).items()},
        sort=document.get("sort", ""),
        after=(after["member"], _template(after["value"])) if after else None,
        limit=_template(document["limit"]) if "limit" in document else None,
        pages=pages,
        by_member=bool(pages and after and pages.place and pages.place in str(after["value"])),
        reference=_template(document["reference"]) if "reference" in document else None,
        rejects=[
            (_expression(rule["when"]), rule["status"], _template(rule.get("body")))
            for rule in document.get("reject", [])
        ],
        status=reply["status"],
        reply=_template(reply["body"]) if "body" in reply else None,
        answer=xml_answer if action.response.format == "xml" else json_answer,
        when=_expression(document["when"]) if "when" in document else None,
        headers=_template(reply["headers"]) if "headers" in reply else None,
    )


def _pattern(action: ActionSpec) -> re.Pattern[str]:
    if action.free_path:
        return re.compile(r"/.*")
    pieces = _PLACEHOLDER.split(action.path)
    names = [piece.strip().rpartition(".")[2] for piece in pieces[1::2]]
    plain = len(set(names)) == len(names) and all(name.isidentifier() for name in names)
    return re.compile(
        "".join(
            re.escape(piece) if index % 2 == 0 else f"(?P<{names[index // 2]}>[^/]+)" if plain else "([^/]+)"
            for index, piece in enumerate(pieces)
        )
    )


def _expression(text: str) -> Evaluate:
    bare = text.strip()
    return compile_expression(bare[2:-2].strip() if bare.startswith("{{") else bare).evaluate


def _template(tree: Any) -> Evaluate:
    """A compiled template; plain paths and literals take a short cut, absent members read as null."""
    if isinstance(tree, str):
        if "{{" not in tree:
            return lambda scope: tree
        plain = _PLAIN_PATH.fullmatch(tree)
        if plain:
            return _path_reader(plain.group(1))
        return compile_value(tree).evaluate
    if isinstance(tree, dict):
        members = {name: _template(one) for name, one in tree.items()}
        return lambda scope: {name: make(scope) for name, make in members.items()}
    if isinstance(tree, list):
        makers = [_template(one) for one in tree]
        return lambda scope: [make(scope) for make in makers]
    return lambda scope: tree


def _path_reader(path: str) -> Evaluate:
    def read(scope: Mapping[str, Any]) -> Any:
        found = read_path(dict(scope), path)
        return None if found is MISSING else found

    return read
