from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.contracts.services import save_draft as save_schema
from ipaas.core.actor import Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.flows.models import Flow
from ipaas.flows.services import save_draft as save_flow
from ipaas.mapping.services import save_draft as save_mapping
from tests.factories.flow_documents import flow, mapping, schema


def test_a_draft_is_stored_with_its_revision(workspace: Workspace, alice: Actor) -> None:
    document, findings = save_flow(actor=alice, workspace=workspace, content=flow())
    assert (document.slug, document.title, document.owner, document.draft_revision) == (
        "orders",
        "Orders",
        "fulfilment",
        1,
    )
    assert findings == []
    document, _ = save_flow(actor=alice, workspace=workspace, content=flow(title="New"), expected_revision=1)
    assert (document.title, document.draft_revision) == ("New", 2)


def test_the_tags_of_a_draft_find_the_flow(workspace: Workspace, alice: Actor) -> None:
    save_flow(actor=alice, workspace=workspace, content=flow(tags=["sales", "shop"]))
    save_flow(actor=alice, workspace=workspace, content=flow(slug="other", tags=["sales"]))
    save_flow(actor=alice, workspace=workspace, content=flow(slug="bare"))
    found = {tag: [one.slug for one in Flow.objects.tagged(tag)] for tag in ("sales", "shop", "sho", "")}
    assert found == {"sales": ["orders", "other"], "shop": ["orders"], "sho": [], "": ["bare", "orders", "other"]}
    assert Flow.objects.tags_in_use() == ["sales", "shop"]
    save_flow(actor=alice, workspace=workspace, content=flow(), expected_revision=1)
    assert Flow.objects.tags_in_use() == ["sales"]


@pytest.mark.parametrize("tags", ["sales", [5], ["Sales"], ["a b"], [""], ["a" * 41], ["a"] * 21, {"a": 1}, None])
def test_tags_that_are_none_are_refused(workspace: Workspace, alice: Actor, tags: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        save_flow(actor=alice, workspace=workspace, content=flow(tags=tags))
    assert [error["path"] for error in refused.value.errors] == ["/tags"]


def test_a_change_upon_an_old_revision_is_a_conflict(workspace: Workspace, alice: Actor) -> None:
    save_flow(actor=alice, workspace=workspace, content=flow())
    save_flow(actor=alice, workspace=workspace, content=flow(title="First"), expected_revision=1)
    for stale in (None, 1, 7):
        with pytest.raises(Conflict, match="revision 2"):
            save_flow(actor=alice, workspace=workspace, content=flow(title="Second"), expected_revision=stale)
    assert Flow.objects.get().title == "First"


def test_an_unfinished_draft_is_stored_and_its_findings_name_lines(workspace: Workspace, alice: Actor) -> None:
    text = "kind: flow\nslug: half\ntitle: Half\nsteps:\n  - id: a\n    cal: {}\n"
    document, findings = save_flow(actor=alice, workspace=workspace, text=text)
    assert document.draft["steps"] == [{"id": "a", "cal": {}}]
    assert ("/steps/0/cal", 6) in {(finding.path, finding.line) for finding in findings}


@pytest.mark.parametrize(
    "changes", [{"slug": "Not A Slug"}, {"slug": 5}, {"kind": "mapping"}, {"title": "x" * 201}, {"slug": "a" * 81}]
)
def test_a_document_without_a_proper_head_is_not_stored(
    workspace: Workspace, alice: Actor, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        save_flow(actor=alice, workspace=workspace, content=flow(**changes))
    assert not Flow.objects.exists()


@pytest.mark.parametrize(("save", "content"), [(save_flow, flow()), (save_mapping, mapping()), (save_schema, schema())])
def test_only_those_who_may_edit_do(
    workspace: Workspace, alice: Actor, bob: Actor, charlie: Actor, save: Any, content: dict[str, Any]
) -> None:
    with pytest.raises(PermissionDenied):
        save(actor=bob, workspace=workspace, content=content)
    with pytest.raises(NotFound):
        save(actor=charlie, workspace=workspace, content=content)
    document, findings = save(actor=alice, workspace=workspace, content=content)
    assert (document.draft, findings) == (content, [])
