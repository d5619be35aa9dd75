"""A stand-in made of a vendor's description: it checks requests, keeps what is created, answers as described."""

import re
import uuid
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import orjson

from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest import ActionSpec, Manifest
from ipaas.sdk.openapi.behaviour import list_in, opened
from ipaas.sdk.openapi.samples import NoSample, Sampler
from ipaas.sdk.paths import with_path
from ipaas.sdk.schemas import SchemaUnusable, compile_schema
from ipaas.sdk.stubs.http import StubAnswer, StubRequest, json_answer, xml_answer
from ipaas.sdk.stubs.pages import Cut
from ipaas.sdk.stubs.reading import RequestReader
from ipaas.sdk.stubs.vendor import Applied, Operation, VendorStub

_IDS = ("id", "uuid", "key", "code", "number", "name", "slug", "token")
_TIMES_NEW = frozenset({"createdat", "created", "creationdate", "createdon", "createdtime"})
_TIMES_CHANGED = frozenset({"updatedat", "updated", "modifiedat", "lastmodified", "updatedon", "modified"})
_FURTHER = frozenset(
    {"nextcursor", "cursor", "nextpagetoken", "nextpage", "nexttoken", "continuationtoken", "next", "nextlink"}
)
_MORE = frozenset({"hasmore", "hasnext", "hasnextpage", "more"})
_TOTALS = frozenset({"total", "count", "totalcount", "totalitems", "totalresults", "size"})
_SIZES = frozenset({"limit", "perpage", "pagesize", "size", "count", "top", "maxresults"})
_NEXT = re.compile(r"get\(data, '([^']+)'\)")
MOST_OF_A_PAGE = 100
_OF_ITEMS = frozenset({"read", "update", "delete"})
_MESSAGES = {
    "missing": "No such resource.",
    "unauthorized": "No credential.",
    "key_conflict": "This key was used with another body.",
    "rejection": "Refused by a business rule.",
}
_KNOWN_AUTH = frozenset(
    {
        *("api_key", "basic", "bearer", "digest", "hmac"),
        *("oauth2_client_credentials", "oauth2_authorization_code", "jwt_bearer"),
    }
)
_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


class Described:
    """One operation with what its description says of requests and answers; made when first called."""

    def __init__(self, spec: ActionSpec) -> None:
        self.reader = RequestReader(spec)
        self.example = spec.params_example
        self.schema: Any = spec.response.schema if isinstance(spec.response.schema, Mapping) else {}
        self.format = spec.response.format
        self.definitions: Mapping[str, Any] = self.schema.get("definitions", {})
        self.list_at = list_in(self.schema, self.definitions)
        told = _NEXT.fullmatch(spec.pagination.next) if spec.pagination is not None else None
        self.next_at = told[1] if told else ""
        self._sample: Any = None
        self._sampled = False

    def sample(self) -> Any:
        """An answer as described: the document's own example, else one made of the schema."""
        if not self._sampled:
            whole = Sampler(self.definitions, whole=True)
            try:
                self._sample = whole.fitting(self.schema) if self.schema else None
            except NoSample:
                self._sample = whole.sample(self.schema)
            self._sampled = True
        # as the server sends it: numbers plain, and a copy that may be changed
        return orjson.loads(orjson.dumps(self._sample, default=_plain))

    def fits(self, answer: Any) -> bool:
        try:
            return not self.schema or compile_schema(self.schema).is_valid(answer)
        except SchemaUnusable:
            return True

    def members(self, schema: Any) -> Mapping[str, Any]:
        found = opened(schema, self.definitions).get("properties", {})
        return found if isinstance(found, Mapping) else {}


def _types(manifest: Manifest) -> set[str]:
    return {part.type for scheme in manifest.auth.values() for part in scheme.parts}


class DescribedStub(VendorStub):
    """State is kept by place: the values in the path down to the entity, so that collections nest."""

    def __init__(self, connector: Connector) -> None:
        manifest = connector.manifest
        self._described = {name: Described(manifest.actions[name]) for name in manifest.stub.get("operations", {})}
        super().__init__(connector)
        self._needs_credential = self._needs_credential and _types(manifest) <= _KNOWN_AUTH
        for found in self._by_method.values():
            found.sort(key=lambda one: (len(self._of(one).reader.places), -self._of(one).reader.literal))

    def _of(self, operation: Operation) -> Described:
        return self._described[operation.name]

    def reset(self) -> None:
        """What the description gives as example exists from the start, under the id that it gives there."""
        super().reset()
        for operation in sorted(self.operations.values(), key=lambda operation: operation.do != "read"):
            one = self._of(operation)
            told = all(place.name in one.example for place in one.reader.places)
            seeded = operation.do != "read" and self.state.entities.get(operation.entity)
            if operation.do not in _OF_ITEMS or not told or seeded:
                continue
            given = [one.example[place.name] for place in one.reader.places]
            member = self._id_member(one.members(self._entity_schema(one)), operation)
            kind = self.state.entities.setdefault(operation.entity, {})
            kind.setdefault("/".join(map(str, given)), {member: given[-1]})

    def route(self, request: StubRequest, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The most literal path wins, as OpenAPI says (4.8.8.2)."""
        for operation in self._by_method.get(request.method, ()):
            values = self._of(operation).reader.path_values(path)
            if values is not None and self._of(operation).reader.meant(request):
                return operation, {str(number): value for number, value in enumerate(values)}
        return None

    def refusal(self, operation: Operation, request: StubRequest, path: str) -> StubAnswer | None:
        problem = self._of(operation).reader.problem(request, path)
        return self.reply("invalid", {"message": problem}) if problem else None

    def reply(self, name: str, scope: Mapping[str, Any] | None = None) -> StubAnswer:
        return super().reply(name, {"message": _MESSAGES.get(name, name), **(scope or {})})

    # -- what a request does -------------------------------------------------------------------------------------

    def _apply_new(self, operation: Operation, scope: dict[str, Any], request: StubRequest) -> Applied:
        one, values = self._of(operation), list(scope["path"].values())
        if operation.do == "answer":
            return Applied(self._encoded(operation, one, self._one_page(one, one.sample())))
        if operation.do == "record":
            known, given = one.members(self._entity_schema(one)), one.reader.members_given(scope["body"])
            shown = {name: value for name, value in given.items() if name in known}
            return Applied(self._answer_with(operation, one, shown), "effect", _reference(given))
        kind = self.state.entities.setdefault(operation.entity, {})
        if operation.do == "list":
            return Applied(self._listed_answer(operation, one, values, kind, scope, request))
        if operation.do == "create":
            return self._created(operation, one, values, kind, scope)
        key = "/".join(values[: len(one.reader.places)])
        before = kind.get(key)
        if before is None and operation.do in ("read", "update", "delete"):
            return Applied(self.reply("missing", scope))
        if operation.do == "read":
            return Applied(self._answer_with(operation, one, before or {}))
        if operation.do == "delete":
            del kind[key]
            answer = StubAnswer(204) if not one.schema else self._answer_with(operation, one, before or {})
            return Applied(answer, "effect", values[-1], values[-1])
        entity = {**(before or {}), **one.reader.members_given(scope["body"])}
        repeated = operation.do == "put" and before == entity
        if before is None:
            entity[self._id_member(one.members(self._entity_schema(one)), operation)] = values[-1]
        kind[key] = entity
        stamped = self._stamped(one, entity, scope["time"], new=before is None)
        kind[key] = stamped
        answer = self._answer_with(operation, one, stamped)
        return Applied(answer, "replay" if repeated else "effect", values[-1], values[-1])

    def _created(
        self, operation: Operation, one: Described, values: list[str], kind: dict[str, Any], scope: dict[str, Any]
    ) -> Applied:
        schema, given = self._entity_schema(one), one.reader.members_given(scope["body"])
        member = self._id_member(one.members(schema), operation)
        entity_id = given.get(member)
        if not isinstance(entity_id, str | int) or isinstance(entity_id, bool) or entity_id == "":
            entity_id = self._next_id(operation, opened(one.members(schema).get(member, {}), one.definitions))
        entity = self._stamped(one, {**given, member: entity_id}, scope["time"], new=True)
        kind["/".join([*values, str(entity_id)])] = entity
        answer = self._answer_with(operation, one, entity)
        return Applied(answer, "effect", _reference(given) or str(entity_id), str(entity_id))

    def _next_id(self, operation: Operation, schema: Mapping[str, Any]) -> str | int:
        number = self.state.counters.get(operation.entity, 0) + 1
        self.state.counters[operation.entity] = number
        if schema.get("type") in ("integer", "number"):
            return 1000 + number
        if schema.get("format") == "uuid":
            return str(uuid.uuid5(_NAMESPACE, f"{self.slug}/{operation.entity}/{number}"))
        return f"{operation.entity[:3]}_{number:08d}"

    # -- answers -------------------------------------------------------------------------------------------------

    def _listed_answer(
        self,
        operation: Operation,
        one: Described,
        values: list[str],
        kind: Mapping[str, Any],
        scope: dict[str, Any],
        request: StubRequest,
    ) -> StubAnswer:
        answer = one.sample()
        prefix = "".join(f"{value}/" for value in values)
        rows = [row for key, row in kind.items() if key.startswith(prefix) and "/" not in key[len(prefix) :]]
        listed = answer if one.list_at == "" else answer.get(one.list_at) if isinstance(answer, dict) else None
        example = listed[0] if isinstance(listed, list) and listed else {}
        made = [_merged(example, row) for row in rows]
        if not made and not self.state.entities.get(operation.entity) and operation.entity not in self.state.counters:
            made = [example] if example else []
        page = Cut(made)
        if operation.pages is not None:
            page = operation.pages.cut(made, _page_size(request), request, scope)
        if one.list_at == "":
            answer = page.items
        elif isinstance(answer, dict) and one.list_at is not None:
            answer[one.list_at] = page.items
            answer = _ended(one, answer, len(made))
            if page.next and one.next_at:
                answer = with_path(answer, one.next_at, page.next)
        found = self._encoded(operation, one, answer)
        if page.next and operation.pages is not None and operation.pages.by_link:
            found.headers["link"] = f'<{page.next}>; rel="next"'
        return found

    def _one_page(self, one: Described, answer: Any) -> Any:
        """An example that leads on to no other page."""
        if not isinstance(answer, dict) or one.list_at is None:
            return answer
        listed = answer.get(one.list_at)
        return _ended(one, answer, len(listed) if isinstance(listed, list) else 0)

    def _answer_with(self, operation: Operation, one: Described, entity: Mapping[str, Any]) -> StubAnswer:
        """The described answer with the entity in it, at the top or in the one member that holds it."""
        answer = one.sample()
        if not isinstance(answer, dict):
            return self._encoded(operation, one, answer if one.schema else dict(entity))
        place = self._entity_place(one)
        whole = answer if place is None else answer.get(place)
        merged = _merged(whole, entity)
        made = merged if place is None else {**answer, place: merged}
        if not one.fits(made):
            known = one.members(self._entity_schema(one))
            merged = _merged(whole, {name: value for name, value in entity.items() if name in known})
            made = merged if place is None else {**answer, place: merged}
        return self._encoded(operation, one, made if one.fits(made) else answer)

    def _encoded(self, operation: Operation, one: Described, value: Any) -> StubAnswer:
        if operation.status in (204, 304) or operation.method == "HEAD":
            return StubAnswer(operation.status)
        if one.format == "base64" or (one.format == "any" and isinstance(value, str)):
            return StubAnswer(operation.status, str(value or "example").encode(), {"content-type": "text/plain"})
        if one.format == "xml":
            return xml_answer(operation.status, value)
        return json_answer(operation.status, {} if value is None else value)

    def _entity_place(self, one: Described) -> str | None:
        """The member of an answer that wraps the entity (``{"charge": {…}}``); None: the answer is the entity."""
        members = one.members(one.schema)
        if any(_plain_name(name) in _IDS[:2] for name in members):
            return None
        wrapped = [
            name for name, part in members.items() if any(_plain_name(each) == "id" for each in one.members(part))
        ]
        if len(wrapped) == 1:
            return wrapped[0]
        objects = [name for name, part in members.items() if one.members(part)]
        return objects[0] if len(members) == 1 and objects else None

    def _entity_schema(self, one: Described) -> Any:
        place = self._entity_place(one)
        return one.schema if place is None else one.members(one.schema).get(place, {})

    def _id_member(self, members: Mapping[str, Any], operation: Operation) -> str:
        named = [f"{operation.entity.rstrip('s')}id", f"{operation.entity}id"]
        wanted = [_IDS[0], *(_plain_name(name) for name in named), *_IDS[1:]]
        plain = {_plain_name(name): name for name in members}
        return next((plain[name] for name in wanted if name in plain), "id")

    def _stamped(self, one: Described, entity: dict[str, Any], time: str, *, new: bool) -> dict[str, Any]:
        """Times of making and changing, where the description has them as texts."""
        wanted = _TIMES_CHANGED | (_TIMES_NEW if new else frozenset())
        members = one.members(self._entity_schema(one)).items()
        times = {
            name: time
            for name, part in members
            if _plain_name(name) in wanted and opened(part, one.definitions).get("format") == "date-time"
        }
        return {**entity, **times}


def _reference(given: Mapping[str, Any]) -> str | None:
    """What the caller calls the thing, for the ledger."""
    return next((str(given[name]) for name in ("reference", "external_id", "number") if name in given), None)


def _merged(example: Any, entity: Mapping[str, Any]) -> dict[str, Any]:
    return {**(deepcopy(example) if isinstance(example, dict) else {}), **entity}


def _page_size(request: StubRequest) -> int:
    """What the request asks for, a hundred at most."""
    told = next((value for name, value in request.query.items() if _plain_name(name) in _SIZES), "")
    return min(int(told), MOST_OF_A_PAGE) if told.isdecimal() and 0 < len(told) < 9 and int(told) else MOST_OF_A_PAGE


def _ended(one: Described, answer: dict[str, Any], count: int) -> dict[str, Any]:
    """The answer leading on to nothing, its totals those of the list; what it has to say about that is then empty."""
    made = _without_further(answer, count)
    return made if one.fits(made) else _without_further(answer, count, blank="")


def _without_further(answer: dict[str, Any], count: int, blank: str | None = None) -> dict[str, Any]:
    made = deepcopy(answer)
    for holder in _holders(made):
        for name in list(holder):
            plain = _plain_name(name)
            if plain in _FURTHER and not isinstance(holder[name], dict | list):
                holder.pop(name) if blank is None else holder.update({name: blank})
            elif plain in _MORE and isinstance(holder[name], bool):
                holder[name] = False
            elif plain in _TOTALS and isinstance(holder[name], int):
                holder[name] = count
    return made


def _holders(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield answer
    yield from [one for one in answer.values() if isinstance(one, dict)]


def _plain_name(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _plain(value: Any) -> Any:
    return float(value) if hasattr(value, "__float__") else str(value)
