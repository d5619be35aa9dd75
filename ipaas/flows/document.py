"""Flows as a document type."""

from typing import Any
from uuid import UUID

from ipaas.core.actor import Actor
from ipaas.core.document_types import DocumentType, PublishDerived
from ipaas.core.documents import DocumentVersion
from ipaas.flows import inline
from ipaas.flows.models import Flow, FlowVersion
from ipaas.flows.validation import validate

KIND = "flow"


def settle(content: dict[str, Any], workspace_id: UUID, publish: PublishDerived) -> dict[str, Any]:
    """Pin references; inline mappings and schemas become documents of their own."""
    return inline.settle(content, workspace_id, publish)


def after_publish(version: DocumentVersion, _actor: Actor) -> None:
    """Compile the plan once, so that a version that can not run is never published."""
    from ipaas.flows.queries import plan_of

    plan_of(version)


FLOW_TYPE = DocumentType(
    kind=KIND,
    permission="flows",
    document=Flow,
    version=FlowVersion,
    validate=validate,
    settle=settle,
    on_published=after_publish,
    rank=60,
)
