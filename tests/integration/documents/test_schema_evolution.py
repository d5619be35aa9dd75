"""A schema is published only where it is proven that nobody breaks, or a steward decided so."""

from collections.abc import Callable
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.contracts.models import Schema
from ipaas.contracts.services import accept_break
from ipaas.core.actor import Actor
from ipaas.core.document_types import document_type
from ipaas.core.errors import Conflict, InvalidInput, PermissionDenied
from ipaas.governance.ending import deprecate_version
from ipaas.governance.services import apply_document, publish

Alice = Callable[..., Actor]
ONE = {"type": "object", "properties": {"id": {"type": "string"}}}
REQUIRED = {**ONE, "required": ["id"]}


def content(schema: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "schema", "slug": "parcel", "title": "Parcel", "schema": schema, **more}


@pytest.fixture
def give(workspace: Workspace, actor_of: Alice) -> Callable[..., Any]:
    def apply(schema: Any, **more: Any) -> Any:
        return apply_document(actor=actor_of(workspace), workspace=workspace, content=content(schema, **more)).version

    return apply


def test_what_breaks_readers_is_refused_with_place_and_way_out(give: Callable[..., Any]) -> None:
    give(ONE)
    with pytest.raises(InvalidInput) as refused:
        give(REQUIRED)
    (error,) = refused.value.errors
    assert (error["path"], error["code"]) == ("/schema", "schema.incompatible")
    assert error["message"].startswith("id: the new version requires “id”")
    assert "(version 1). Leave it optional" in error["message"]


def compatibility(checked: list[Any]) -> Any:
    """The result of that check among those of all."""
    (found,) = [result for check, result in checked if check.name == "compatibility"]
    return found


def test_an_optional_property_may_be_added_and_what_that_counts_upon_is_said(
    give: Callable[..., Any], workspace: Workspace
) -> None:
    give(ONE)
    more = {"type": "object", "properties": {**ONE["properties"], "note": {"type": "string"}}}  # type: ignore[dict-item]
    result = compatibility(document_type("schema").checked(content(more), content(ONE), workspace.id))
    assert (result.state, result.summary) == ("warning", "Compatible with version 1 (backward).")
    assert "does not name (note)" in result.details[0].message
    assert give(more).number == 2
    strict = content(ONE, undeclared_properties="possible")
    result = compatibility(document_type("schema").checked(content({**more, "maxProperties": 1}), strict, workspace.id))
    assert result.state == "failed"


def test_what_can_not_be_decided_is_refused_as_well(give: Callable[..., Any]) -> None:
    give({"type": "string", "pattern": "^a+$"})
    with pytest.raises(InvalidInput, match="can not be decided"):
        give({"type": "string", "pattern": "^a*$"})


def test_a_looser_mode_holds_from_the_version_after(give: Callable[..., Any]) -> None:
    give(ONE)
    with pytest.raises(InvalidInput):
        give(REQUIRED, compatibility="none")
    assert give(ONE, compatibility="none").number == 2
    assert give(REQUIRED, compatibility="none").number == 3


def test_the_workspace_says_the_mode_of_schemas_that_do_not(give: Callable[..., Any], workspace: Workspace) -> None:
    workspace.settings = {"schema_compatibility": "forward"}
    workspace.save()
    give(REQUIRED)
    with pytest.raises(InvalidInput, match="the old version requires “id”"):
        give(ONE)


def test_transitive_modes_look_at_every_version_that_is_not_deprecated(
    give: Callable[..., Any], workspace: Workspace, actor_of: Alice
) -> None:
    first = give({"enum": ["a", "b", "c"]}, compatibility="none")
    give({"enum": ["a", "b"]}, compatibility="backward_transitive")
    with pytest.raises(InvalidInput, match=r"\(version 1\)"):
        give({"enum": ["a", "b", "d"]}, compatibility="backward_transitive")
    deprecate_version(version=first, actor=actor_of(workspace), reason="nobody sends it")
    assert give({"enum": ["a", "b", "d"]}, compatibility="backward_transitive").number == 3


def test_a_steward_decides_with_a_reason_for_exactly_one_content(
    give: Callable[..., Any], workspace: Workspace, actor_of: Alice
) -> None:
    give(ONE)
    with pytest.raises(InvalidInput):
        give(REQUIRED)
    builder = actor_of(workspace)
    steward = actor_of(workspace, builder.permissions | {"schemas.override"})
    apply_document(actor=builder, workspace=workspace, content=content(REQUIRED), publish_it=False)
    schema = Schema.objects.get()
    with pytest.raises(PermissionDenied):
        accept_break(schema=schema, actor=builder, reason="all readers know")
    with pytest.raises(InvalidInput, match="say why"):
        accept_break(schema=schema, actor=steward, reason=" ")
    accept_break(schema=schema, actor=steward, reason="all readers know")
    entry = AuditEntry.objects.get(action="schema.break_accepted")
    assert entry.details["reason"] == "all readers know"
    with pytest.raises(InvalidInput):
        give({**REQUIRED, "maxProperties": 1})
    apply_document(actor=builder, workspace=workspace, content=content(REQUIRED), publish_it=False)
    version = publish(document_type="schema", document=schema, actor=builder)
    assert version.number == 2


def test_there_is_nothing_to_decide_on_without_a_published_version(workspace: Workspace, actor_of: Alice) -> None:
    actor = actor_of(workspace, frozenset({"schemas.edit", "schemas.override"}))
    drafted = apply_document(actor=actor, workspace=workspace, content=content(ONE), publish_it=False)
    with pytest.raises(Conflict):
        accept_break(schema=drafted.document, actor=actor, reason="why not")
