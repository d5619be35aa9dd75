"""Changing the tests of a mapping's draft."""

from collections.abc import Mapping as Object
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas.accounts.models import Workspace
from ipaas.core import yamlio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import errors_of, normalise, read_document, refuse
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.mapping.case_making import Change, with_tests
from ipaas.mapping.document import validate
from ipaas.mapping.models import Mapping
from ipaas.mapping.services import save_draft


@transaction.atomic
def change_tests(*, actor: Actor, workspace: Workspace, slug: str, change: Change) -> Mapping:
    """Change the tests of the draft as it is now, so that two people who add at once both do.

    A draft with faults outside of its tests is not touched. Raises ``InvalidInput`` for what is no test.
    """
    require_permission(actor, "mappings.edit", workspace.id)
    held = Mapping.objects.select_for_update().filter(workspace_id=workspace.id, slug=slug).first()
    if held is None:
        raise NotFound(what="mapping")
    if held.draft is None:
        raise Conflict(what=said("{slug} has no draft; save one first.", slug=slug))
    changed = changed_content(held.draft, change, workspace.id)
    given: dict[str, Any] = {"content": changed}
    if held.draft_text:
        given = {"text": _written(held.draft_text, changed)}
    return save_draft(actor=actor, workspace=workspace, expected_revision=held.draft_revision, **given)[0]


def changed_text(text: str, change: Change, workspace_id: UUID) -> str:
    """The same to a text that nobody has saved yet."""
    return _written(text, changed_content(read_document(text=text).content, change, workspace_id))


def changed_content(content: Object[str, Any], change: Change, workspace_id: UUID) -> dict[str, Any]:
    """A mapping with its tests changed; ``InvalidInput`` where it, or what came out, is at fault."""
    others = {key: value for key, value in content.items() if key != "tests"}
    refuse(errors_of(validate(others, workspace_id)))
    tests = normalise(change(content))
    changed = {**others, "tests": tests} if tests else others
    refuse(one for one in errors_of(validate(changed, workspace_id)) if one.path.startswith("/tests"))
    return changed


def _written(text: str, content: dict[str, Any]) -> str:
    """The text with its tests; written anew where it is of a form that can not be edited."""
    try:
        return with_tests(text, content.get("tests", []))
    except InvalidInput:
        return yamlio.dump(content)
