"""What a mapping makes of a sample: field by field, so that one fault does not hide the others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ipaas.contracts.models import SchemaVersion
from ipaas.contracts.queries import validator_for
from ipaas.core import apart, jsonio
from ipaas.core.clock import now
from ipaas.core.document_forms import exact, unreadable
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import in_words
from ipaas.core.references import split_reference
from ipaas.mapping import engine
from ipaas.mapping.document import validate
from ipaas.mapping.engine import MappingFailed
from ipaas.mapping.formats.applying import sample_output, sample_source
from ipaas.mapping.formats.errors import FormatFailed
from ipaas.mapping.nodes import DEFAULT_ELEMENT, is_choose, is_each, is_expression
from ipaas.mapping.resolving import resolver_of
from ipaas.web.build_readmodels import FieldRow
from ipaas.web.readmodels import Finding

MAX_SAMPLE = 100_000
WITHIN_S = 2.0
Json = Any
Content = Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """``target`` holds the fields that worked; ``findings`` speak of the sample and of the target's schema.

    ``output`` is what is written of the target, for a mapping that says a format.
    """

    rows: list[FieldRow]
    target: Json
    findings: list[Finding]
    output: str | None = None

    @property
    def failed(self) -> int:
        return sum(1 for row in self.rows if row.error)


def preview(content: Json, sample: str, workspace_id: Any, variables: Mapping[str, Any]) -> Preview | None:
    """The preview of a document upon a sample in the format of its input; None while the document itself has faults.

    With ``scope: flow`` the sample is an object of names (``trigger``, ``steps``…), else it is the source.
    """
    if not isinstance(content, dict) or validate(content):
        return None
    if not reads_json(content) and not sample.strip():
        return Preview([], None, [])  # no example could be made up for it
    try:
        value = read_sample(content, sample)
    except (FormatFailed, apart.ApartBusy, apart.ApartFailed) as error:
        return Preview([], None, [Finding("error", in_words(error.detail), "")])
    except jsonio.JsonInvalid as error:
        fault = unreadable(error, sample)
        return Preview(
            [], None, [Finding("error", in_words(fault["message"]), "", fault.get("line"), fault.get("column"))]
        )
    try:
        rows, target = _apply(content, scope_of(content, value, variables), workspace_id)
    except IpaasError as error:  # a lookup or function that there is not
        return Preview([], None, [Finding("error", in_words(error.detail), "")])
    findings = [
        *_against(content.get("source_schema"), value, workspace_id, _("The sample breaks {schema}")),
        *_against(content.get("target_schema"), target, workspace_id, _("The target breaks {schema}")),
    ]
    output = None
    try:
        output = sample_output(content, target) if not any(row.error for row in rows) else None
    except FormatFailed as error:
        findings.append(Finding("error", in_words(error.detail), "/output"))
    return Preview(rows, target, findings, output)


def reads_json(content: Content) -> bool:
    """Whether the mapping's input is JSON, as examples of schemas are."""
    given = content.get("input")
    return not isinstance(given, dict) or given.get("format") == "json"


def read_sample(content: Content, sample: str) -> Json:
    """A sample in JSON, or in the format of the document's input."""
    if len(sample) > MAX_SAMPLE:
        raise jsonio.JsonTooLarge(reason=f"a sample has at most {MAX_SAMPLE} characters")
    return sample_source(content, sample)


def scope_of(content: Content, value: Json, variables: Mapping[str, Any]) -> dict[str, Any]:
    scope = {"vars": exact(variables), "run": {"id": "", "flow": ""}, "now": now().isoformat(), "source": value}
    if content.get("scope") != "flow":
        return scope
    given = value if isinstance(value, dict) else {}
    return {**scope, "trigger": {}, "steps": {}, "business_ids": {}, **given}


def _apply(content: Content, scope: Mapping[str, Any], workspace_id: Any) -> tuple[list[FieldRow], Json]:
    """The rows of the mapping's own fields, or of its one program, with the target of all that worked."""
    compiled = engine.compile_to_explain(content, resolve=resolver_of(workspace_id))
    made = compiled.explain(scope["source"], scope, within_s=WITHIN_S, timed=False)
    errors: dict[str, str] = {}
    names = content.get("fields", {})
    for trace in made.fields:
        if trace.error is not None:
            errors.setdefault(_outermost(trace.path, names), _told(trace.error))
    if not names:
        return [FieldRow(*_program(content), value=made.target, error=errors.get("", ""))], made.target
    target = made.target or {}
    return [
        FieldRow(name, *_written(tree), value=target.get(name), error=errors.get(name, ""))
        for name, tree in names.items()
    ], target


def _outermost(path: str, names: Mapping[str, Any]) -> str:
    """The field of the mapping that a place is, or stands in."""
    inside = [name for name in names if path == name or path.startswith((f"{name}.", f"{name}["))]
    return max(inside, key=len, default="")


def _program(content: Content) -> tuple[str, str]:
    """A target that one JSONata expression or one text makes."""
    return _("the whole target"), str(content["jsonata"] if "jsonata" in content else content["template"])


def _told(failure: MappingFailed) -> str:
    return _("{field}: {reason} (reads {reads})").format_map(failure.params)


def _against(reference: Json, value: Json, workspace_id: Any, said: str) -> Iterator[Finding]:
    version = SchemaVersion.objects.of(workspace_id, *split_reference(reference)) if reference else None
    if version is None:
        return
    for found in validator_for(version.id).errors(value):
        place = said.format(schema=f"{version.document.slug}@{version.number}")
        yield Finding("warning", f"{place}: {found['message']}", found["path"])


def field_rows(content: Json) -> list[FieldRow]:
    """Every leaf of a mapping of valid form: the target's place and how it is made."""
    if not isinstance(content, dict) or validate(content):
        return []
    return list(_leaves(content["fields"], "")) if "fields" in content else [FieldRow(*_program(content))]


def _leaves(fields: Mapping[str, Any], path: str) -> Iterator[FieldRow]:
    for name, tree in fields.items():
        yield from _leaf(tree, f"{path}.{name}" if path else name)


def _leaf(tree: Json, place: str) -> Iterator[FieldRow]:
    if isinstance(tree, dict) and is_each(tree):
        yield FieldRow(f"{place}[]", *_written(tree))
        inside = tree.get("fields")
        yield from _leaves(inside, f"{place}[]") if isinstance(inside, dict) else _leaf(tree["item"], f"{place}[]")
    elif isinstance(tree, str) or is_choose(tree) or set(tree) == {"value"} or is_expression(tree):
        yield FieldRow(place, *_written(tree))
    else:
        yield from _leaves(tree["fields"] if set(tree) == {"fields"} else tree, place)


def _written(tree: Json) -> tuple[str, str]:
    """How a field is made, and what else is said of it."""
    if isinstance(tree, str):
        return tree, ""
    if set(tree) == {"value"}:
        return jsonio.dumps(tree["value"]).decode(), _("constant")
    if is_expression(tree):
        missing = tree.get("on_missing", "")
        default = _("default {value}").format(value=jsonio.dumps(tree["default"]).decode()) if "default" in tree else ""
        return tree["expr"], default or (_("absent: {deed}").format(deed=missing) if missing else "")
    if is_choose(tree):
        count = len(tree["choose"])
        return tree["choose"][0]["when"], ngettext("{count} case", "{count} cases", count).format(count=count)
    if is_each(tree):
        said = _("for each {name}, where {condition}") if "where" in tree else _("for each {name}")
        return tree["each"], said.format(name=tree.get("as", DEFAULT_ELEMENT), condition=tree.get("where"))
    count = len(tree.get("fields", tree))
    return "", ngettext("{count} field", "{count} fields", count).format(count=count)
