"""Reading reviews: of the actor's workspace, and of the kinds of document that the actor may see."""

from typing import TYPE_CHECKING, Self

from django.db import models

from ipaas.core.actor import Actor
from ipaas.core.document_types import document_kinds, document_type
from ipaas.core.documents import VersionedDocument

if TYPE_CHECKING:
    from ipaas.governance.models import Review  # noqa: F401 - named in strings below


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, actor: Actor) -> Self:
        """Those of documents that exist for the actor; who is bound to flows sees reviews of these alone."""
        seen = [kind for kind in document_kinds() if actor.may(f"{document_type(kind).permission}.view")]
        rows = self.filter(workspace_id=actor.workspace_id, kind__in=seen)
        return rows if actor.flows is None else rows.filter(flow_id__in=actor.flows)

    def open(self) -> Self:
        return self.filter(state__in=["in_review", "approved"])

    def of_document(self, kind: str, document: VersionedDocument) -> Self:
        return self.filter(workspace_id=document.workspace_id, kind=kind, document_id=document.id)
