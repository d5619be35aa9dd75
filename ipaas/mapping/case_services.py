"""Changing the tests of a mapping's draft: each deed takes the draft as it is now, so that two people add both."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.db import transaction

from ipaas.accounts.models import Workspace
from ipaas.core import yamlio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding, errors_of, normalise, refuse
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.mapping.case_making import Case, accepted, generated, named_apart, those_named, with_tests
from ipaas.mapping.cases import Tester
from ipaas.mapping.document import validate
from ipaas.mapping.models import Mapping
from ipaas.mapping.resolving import resolver_of
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
        return [case if one["name"] == name else one for one in those_named(content, [name])]

    return _change_tests(actor, workspace, slug, change)


def remove_cases(*, actor: Actor, workspace: Workspace, slug: str, names: Collection[str]) -> Mapping:
    def change(content: dict[str, Any]) -> list[Case]:
        return [case for case in those_named(content, names) if case["name"] not in names]

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
    try:
        return with_tests(text, content.get("tests", []))
    except InvalidInput:
        return yamlio.dump(content)


def _of_tests(findings: list[Finding]) -> list[Finding]:
    return [one for one in errors_of(findings) if one.path.startswith("/tests")]
