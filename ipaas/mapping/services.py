"""Changing drafts of mappings, lookups and functions; publishing is in governance."""

from collections.abc import Callable

from django.db import transaction

from ipaas.core.actor import Actor, require_permission
from ipaas.core.document_forms import Finding
from ipaas.core.documents import VersionedDocument
from ipaas.mapping.document import MAPPING_TYPE
from ipaas.mapping.function_document import FUNCTION_TYPE
from ipaas.mapping.lookup_document import LOOKUP_TYPE
from ipaas.mapping.models import Mapping
from ipaas.ownership.drafting import Saved, saver_of

save_draft: Callable[..., tuple[Mapping, list[Finding]]] = saver_of(MAPPING_TYPE)
save_lookup_draft = saver_of(LOOKUP_TYPE)
save_function_draft = saver_of(FUNCTION_TYPE)


@transaction.atomic
def import_rows(
    *, actor: Actor, lookup: VersionedDocument, csv: str, key: str = "", expected_revision: int | None = None
) -> Saved:
    """Put rows as CSV into the draft of a lookup; without ``expected_revision`` upon whatever the draft is now."""
    require_permission(actor, "lookups.edit", lookup)
    locked = LOOKUP_TYPE.documents.select_for_update().get(id=lookup.id)
    content = locked.draft
    if content is None:
        content = LOOKUP_TYPE.versions.get(document_id=locked.id, number=locked.latest_version).content
    rows = csv.removeprefix("\ufeff").replace("\r\n", "\n")
    return save_lookup_draft(
        actor=actor,
        workspace=locked.workspace,
        content={**content, **({"key": key} if key else {}), "csv": rows},
        expected_revision=locked.draft_revision if expected_revision is None else expected_revision,
    )
