"""The visual editor of mappings: answers to its script while somebody works. Nothing is stored here."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ipaas.accounts.pages import WorkspaceRequest, page
from ipaas.contracts.models import SchemaVersion
from ipaas.core import jsonio, providers, yaml_edit
from ipaas.core.document_forms import read_document
from ipaas.core.errors import InvalidInput, IpaasError, NotFound
from ipaas.core.phrases import in_words
from ipaas.core.references import split_reference
from ipaas.core.yaml_edit import Edit
from ipaas.governance.conventions import fixable
from ipaas.mapping.document import validate
from ipaas.mapping.filling import fill
from ipaas.mapping.places import Place, schema_places, together, value_places
from ipaas.mapping.queries import in_order
from ipaas.mapping.resolving import resolver_of
from ipaas.mapping.suggesting import Synonyms, Wanted, suggest
from ipaas.runtime.samples import Sample as Captured
from ipaas.runtime.samples import captured_inputs
from ipaas.web.pages.documents import text_of
from ipaas.web.pages.mapping_board import NAMED, Given, Sample, board_of, problem_of
from ipaas.web.pages.mapping_library import Terms
from ipaas.web.pages.mapping_preview import read_sample, scope_of
from ipaas.web.pages.mappings import MAPPINGS
from ipaas.web.pages.support import environment_of

MOST_SAMPLES = 6
MOST_CAPTURED = 4
MOST_EDITS = 1_000
MOST_STEPS = 24
SOURCE_ROOTS = ("source", "vars")
FLOW_ROOTS = ("source", "trigger", "steps", "business_ids", "vars")
Json = Any
Base = tuple[str | int, ...]


@require_POST
@page("mappings.view")
def mapping_fields(request: WorkspaceRequest) -> HttpResponse:
    """The board of a text, after the edits that were sent with it are done to the text."""
    text, base = text_of(request), _base(request)
    answer: dict[str, Any] = {}
    try:
        edits = _edits(request)
        content = mapping_at(text, base)
        if edits:
            answer["text"] = text = _edited(text, base, edits)
            content = mapping_at(text, base)
    except InvalidInput as error:
        found = error.errors[0]
        return _json({"problem": in_words(found["message"]), "line": found.get("line")})
    return _json({**answer, **board_of(_given(request, content, base))})


@require_POST
@page("mappings.view")
def mapping_suggest(request: WorkspaceRequest) -> HttpResponse:
    """Matches for the fields of a text that nothing makes yet."""
    base = _base(request)
    try:
        content = mapping_at(text_of(request), base)
    except InvalidInput:
        return _json({"suggestions": []})
    given = _given(request, content, base)
    found = suggest(list(_wanted(given)), _readable(given), _synonyms(request))
    return _json({"suggestions": [{**asdict(one), "reasons": list(map(in_words, one.reasons))} for one in found]})


@require_GET
@page("mappings.view")
def mapping_samples(request: WorkspaceRequest, slug: str) -> HttpResponse:
    """What recent runs gave to a mapping, sensitive values replaced by made-up ones; nothing who may see no runs."""
    if not MAPPINGS.documents(request).filter(slug=slug).exists():
        raise NotFound(what="mapping")
    if not request.actor.may("runs.view"):
        return _json({"samples": []})
    found = captured_inputs(actor=request.actor, workspace=request.workspace, mapping=slug, limit=MOST_CAPTURED)
    return _json(
        {"samples": [{"label": _label(one), "text": _text(one), "whole": True, "use": use_of(one)} for one in found]}
    )


def _label(sample: Captured) -> str:
    return _("{flow}, {time}").format(flow=sample.flow, time=localtime(sample.at).strftime("%d.%m. %H:%M"))


def use_of(sample: Captured) -> str:
    """How a form names a sample of a run: the run, the step and the element of its loop."""
    return f"{sample.run_id} {sample.step} {sample.item}"


def _text(sample: Captured) -> str:
    return jsonio.dumps(sample.scope).decode()


def _json(content: Json) -> HttpResponse:
    return HttpResponse(jsonio.dumps(content), content_type="application/json")


def _given(request: WorkspaceRequest, content: Mapping[str, Any], base: Base) -> Given:
    return Given(
        base=base,
        resolve=resolver_of(request.workspace.id) if set(NAMED) & content.keys() else None,
        content=content,
        samples=_samples(request, content),
        source=schema_of(request, content.get("source_schema"), "source"),
        target=target_of(request, content),
        roots=_roots(content),
        findings=validate(dict(content), request.workspace.id),
        breaches=[] if base else fixable(content, request.workspace.id),
        terms=Terms(request),
    )


def _roots(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of data that expressions may say."""
    loops = content.get("loop_names")
    names = [name for name in loops if isinstance(name, str)] if isinstance(loops, list) else []
    return (*FLOW_ROOTS, *names) if content.get("scope") == "flow" else SOURCE_ROOTS


# -- suggestions


def _synonyms(request: WorkspaceRequest) -> Synonyms:
    """The words of the workspace's glossary."""
    found: Synonyms = providers.get("glossary.synonyms")(request.workspace.id)
    return found


def _readable(given: Given) -> list[Place]:
    places = list(given.source)
    for sample in given.samples:
        scope = sample.scope or {}
        places = together(
            places, [one for root in given.roots if root in scope for one in value_places(scope[root], root)]
        )
    return places


def _wanted(given: Given) -> Iterator[Wanted]:
    """The leaves that nothing makes, of lists that are not made yet only those of one level."""
    places = {place.path: place for place in given.target}
    new: dict[str, list[str]] = {}
    target = board_of(replace(given, samples=(), breaches=(), terms=None))["target"]
    holders = {place.holder for place in given.target}
    for one in target:
        place = places.get(one["path"])
        if place is None:
            continue
        above = new.get(place.holder, [])
        is_new_list = one["kind"] == "unmapped" and place.type == "array"
        new[place.path] = [*above, place.path] if is_new_list else above
        if one["kind"] == "unmapped" and place.path not in holders and len(above) < 2:
            yield Wanted(place, tuple(one["steps"]), one["names"], above[0] if above else "")


# -- edits


def _edits(request: WorkspaceRequest) -> list[Mapping[str, Any]]:
    """What shall be changed, as the script sent it; InvalidInput for anything of another form."""
    given = _read(request.POST.get("edits") or "[]")
    if not isinstance(given, list) or len(given) > MOST_EDITS or not all(_is_edit(one) for one in given):
        raise InvalidInput([{"path": "edits", "code": "edits.form", "message": _("an edit has another form")}])
    return given


def _is_edit(given: Json) -> bool:
    if not isinstance(given, dict) or given.get("deed") not in ("fill", *yaml_edit.DEEDS):
        return False
    path, name, each = given.get("path"), given.get("name", ""), given.get("each", "")
    return (
        isinstance(path, list)
        and 0 < len(path) <= MOST_STEPS
        and all(isinstance(step, str | int) and not isinstance(step, bool) for step in path)
        and isinstance(name, str)
        and isinstance(each, str)
    )


def _read(text: str) -> Json:
    try:
        return jsonio.loads(text)
    except jsonio.JsonInvalid as error:
        message = in_words(error.detail)
        raise InvalidInput([{"path": "", "code": error.code, "message": message}]) from None


def _edited(text: str, base: Base, edits: list[Mapping[str, Any]]) -> str:
    for given in edits:
        path = tuple(given["path"])
        if given["deed"] == "fill":
            fields, steps = mapping_at(text, base).get("fields"), [str(step) for step in path]
            pointer = (*base, "fields")
            edit = fill(fields, steps, given.get("value"), each=given.get("each", ""), pointer=pointer)
        else:
            edit = Edit(given["deed"], path, given.get("value"), given.get("name", ""))
        text = yaml_edit.edited(text, [edit])
    return text


# -- mappings inside of flows


def _base(request: WorkspaceRequest) -> Base:
    given = _read_or(request.POST.get("base") or "[]", [])
    fits = isinstance(given, list) and len(given) <= MOST_STEPS and all(isinstance(one, str | int) for one in given)
    return tuple(given) if fits else ()


def mapping_at(text: str, base: Base) -> dict[str, Any]:
    """The mapping that a text is, or that the step of a flow at ``base`` holds; InvalidInput where there is none."""
    content: Json = read_document(text=text).content
    if not base:
        return dict(content)
    loops, slug = [], content.get("slug")
    for part in base:
        if isinstance(content, dict) and isinstance(content.get("for_each"), dict):
            loops.append(str(content["for_each"].get("as", "")))
        fits = isinstance(content, dict) and part in content
        fits |= isinstance(content, list) and isinstance(part, int) and 0 <= part < len(content)
        if not fits:
            message = _("the step is not where it was; open its mapping anew")
            raise InvalidInput([{"path": "", "code": "document.edit", "message": message}])
        content = content[part]
    held = content if isinstance(content, dict) else {}
    more: dict[str, Any] = {"loop_names": [name for name in loops if name]} if any(loops) else {}
    more |= {key: held[key] for key in NAMED if key in held}
    fields = held.get("fields") or {}
    return {"kind": "mapping", "slug": slug, "title": str(slug), "scope": "flow", **more, "fields": fields}


# -- what the board is made of


def schema_of(request: WorkspaceRequest, reference: Json, root: str) -> list[Place]:
    """The places of a published schema by reference; none where there is no such, or it may not be seen."""
    version = _schema_version(request, reference)
    return list(_places_of(version.id, root)) if version else []


@lru_cache(maxsize=256)
def _places_of(version_id: UUID, root: str) -> tuple[Place, ...]:
    """The places of a version, which never changes, in the order in which people wrote them."""
    version = SchemaVersion.objects.get(id=version_id)
    content = in_order({"schema": version.whole}, version.text)
    return tuple(schema_places(content["schema"], root))


def target_of(request: WorkspaceRequest, content: Mapping[str, Any]) -> list[Place]:
    """What shall be made: the places of the target's schema, else of what flows read of it, as the page was told."""
    if isinstance(content.get("target_schema"), str):
        return below_root(schema_of(request, content["target_schema"], ""))
    wanted = _read_or(request.POST.get("wanted") or "{}", {})
    return below_root(schema_places(wanted, "")) if isinstance(wanted, dict) and wanted else []


def below_root(places: list[Place]) -> list[Place]:
    return [replace(place, depth=place.depth - 1) for place in places if place.depth > 0]


def _schema_version(request: WorkspaceRequest, reference: Json) -> SchemaVersion | None:
    if not isinstance(reference, str) or not request.actor.may("schemas.view"):
        return None
    _slug, at, number = reference.partition("@")
    if at and not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    return SchemaVersion.objects.of(request.workspace.id, *split_reference(reference))


def _samples(request: WorkspaceRequest, content: Mapping[str, Any]) -> list[Sample]:
    given = _read_samples(request.POST.get("samples") or "[]")
    environment = environment_of(request)
    may_see = request.actor.may("settings.view") and environment is not None
    variables = environment.variables if may_see and environment else {}
    found = []
    for one in given[:MOST_SAMPLES]:
        label, text = str(one.get("label", ""))[:200], str(one.get("text", ""))
        try:
            whole = one.get("whole") is True
            value = read_sample({} if whole else content, text)
            scope = value if whole and isinstance(value, dict) else scope_of(content, value, variables)
            found.append(Sample(label, scope))
        except IpaasError as error:
            found.append(Sample(label, None, problem_of(error)))
    return found


def _read_or(text: str, otherwise: Json) -> Json:
    try:
        return jsonio.loads(text)
    except jsonio.JsonInvalid:
        return otherwise


def _read_samples(text: str) -> list[Mapping[str, Any]]:
    given = _read_or(text, [])
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
