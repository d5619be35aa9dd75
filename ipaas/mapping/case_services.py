"""Changing the tests of a mapping's draft: each deed takes the draft as it is now, so that two people add both."""

from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas.accounts.models import Workspace
from ipaas.contracts.models import SchemaVersion
from ipaas.core import yaml_edit
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, errors_of, normalise, refuse
from ipaas.core.document_types import document_type
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.references import split_reference
from ipaas.mapping.case_making import Case, cases_of_schema, named_apart, with_outcome
from ipaas.mapping.cases import Content, Resolve, Tester
from ipaas.mapping.document import validate
from ipaas.mapping.models import Mapping
from ipaas.mapping.services import save_draft

Change = Callable[[dict[str, Any]], list[Case]]


def add_cases(*, actor: Actor, workspace: Workspace, slug: str, cases: Iterable[Case]) -> Mapping:
    """Add cases to the draft; a name that is taken gets a number. Raises ``InvalidInput`` for what is no case."""

    def change(content: dict[str, Any]) -> list[Case]:
        tests = list(content.get("tests", ()))
        return [*tests, *named_apart([*cases], [case["name"] for case in tests])]

    return _change_tests(actor, workspace, slug, change)


def replace_case(*, actor: Actor, workspace: Workspace, slug: str, name: str, case: Case) -> Mapping:
    """Put another case in the place of one; ``NotFound`` when there is none of the name."""

    def change(content: dict[str, Any]) -> list[Case]:
        return [case if one["name"] == name else one for one in _with(content, [name])]

    return _change_tests(actor, workspace, slug, change)


def remove_cases(*, actor: Actor, workspace: Workspace, slug: str, names: Collection[str]) -> Mapping:
    def change(content: dict[str, Any]) -> list[Case]:
        return [case for case in _with(content, names) if case["name"] not in names]

    return _change_tests(actor, workspace, slug, change)


def accept_outputs(*, actor: Actor, workspace: Workspace, slug: str, names: Collection[str]) -> Mapping:
    """Let cases expect what comes out of the draft now."""

    def change(content: dict[str, Any]) -> list[Case]:
        return accepted(Tester(content, resolver_of(workspace.id)), names)

    return _change_tests(actor, workspace, slug, change)


def generate_cases(*, actor: Actor, workspace: Workspace, slug: str) -> Mapping:
    """Add a case for each edge of the source's schema that none has yet."""

    def change(content: dict[str, Any]) -> list[Case]:
        return [*content.get("tests", ()), *generated(content, resolver_of(workspace.id))]

    return _change_tests(actor, workspace, slug, change)


def accepted(tester: Tester, names: Collection[str]) -> list[Case]:
    """The cases of a mapping, those named with what comes out now."""
    tests = _with(tester.content, names)
    return [with_outcome(tester, case) if case["name"] in names else case for case in tests]


def generated(content: Content, resolve: Resolve) -> list[Case]:
    """Cases for the edges of the schema that a mapping names as its source's."""
    reference = content.get("source_schema")
    if not isinstance(reference, str):
        message = said("cases are made from the schema of the source, and the mapping names none")
        raise InvalidInput([{"path": "/source_schema", "code": "mapping.no_schema", "message": message}])
    tester = Tester(content, resolve)
    taken = {case["name"] for case in content.get("tests", ())}
    return cases_of_schema(tester, resolve("schema", reference)["schema"], taken=taken)


def with_tests(text: str, tests: list[Case]) -> str:
    """The text of a mapping with other tests, everything else in it as it was."""
    deed: Any = "set" if tests else "remove"
    return yaml_edit.edited(text, [yaml_edit.Edit(deed, ("tests",), tests)])


def resolver_of(workspace_id: UUID) -> Resolve:
    """Looks up published documents of a workspace."""

    def resolve(kind: str, reference: str) -> Content:
        version = document_type(kind).versions.of(workspace_id, *split_reference(reference))
        if version is None:
            raise NotFound(what=f"{kind} {reference}")
        content: Content = version.content
        return content

    return resolve


def _with(content: Content, names: Collection[str]) -> list[Case]:
    tests = list(content.get("tests", ()))
    missing = set(names) - {case["name"] for case in tests}
    if missing:
        raise NotFound(what=said("test {name!r}", name=min(missing)))
    return tests


@transaction.atomic
def _change_tests(actor: Actor, workspace: Workspace, slug: str, change: Change) -> Mapping:
    """Hold the draft, change its tests and save it; a draft with faults outside of its tests is not touched."""
    require_permission(actor, "mappings.edit", workspace.id)
    held = Mapping.objects.select_for_update().filter(workspace_id=workspace.id, slug=slug).first()
    if held is None:
        raise NotFound(what="mapping")
    if held.draft is None:
        raise Conflict(what=said("{slug} has no draft; save one first.", slug=slug))
    content: dict[str, Any] = held.draft
    refuse(errors_of(validate({key: value for key, value in content.items() if key != "tests"}, workspace.id)))
    tests = normalise(change(content))
    changed = {**content, "tests": tests} if tests else {key: content[key] for key in content if key != "tests"}
    refuse(_of_tests(validate(changed, workspace.id)))
    revision = held.draft_revision
    if held.draft_text and (tests or "tests" in content):
        given: dict[str, Any] = {"text": _written(held.draft_text, changed)}
    else:
        given = {"content": changed}
    return save_draft(actor=actor, workspace=workspace, expected_revision=revision, **given)[0]


def _written(text: str, content: dict[str, Any]) -> str:
    """The text of the draft with its tests; written anew where it is of a form that can not be edited."""
    from ipaas.core import yamlio

    try:
        return with_tests(text, content.get("tests", []))
    except InvalidInput:
        return yamlio.dump(content)


def _of_tests(findings: list[Finding]) -> list[Finding]:
    return [one for one in errors_of(findings) if one.path.startswith("/tests")]


def schema_of(workspace_id: UUID, reference: Any) -> Any:
    """The JSON Schema that a reference means; None where there is none."""
    version = SchemaVersion.objects.of(workspace_id, *split_reference(reference)) if isinstance(reference, str) else None
    return None if version is None else version.content["schema"]
