"""Contracts: documents like others, and what partners and their programs read of them."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.contracts.exports import EXPORTS
from ipaas.contracts.models import Contract
from ipaas.contracts.services import share_contract, unshare_contract
from ipaas.core.errors import NotFound
from ipaas.core.page_address import page_address
from ipaas.web.api.document_serializers import DocumentDetailOutput, DocumentOutput
from ipaas.web.api.documents import DocumentViewSet, permissions_of_kind
from ipaas.web.api.fields import JsonField, StrictSerializer
from ipaas.web.contract_doors import doors_of


class ContractOutput(DocumentOutput):
    public_url = serializers.SerializerMethodField(
        help_text="What everybody may read who has it; empty for members only."
    )

    @extend_schema_field(serializers.CharField)
    def get_public_url(self, contract: Contract) -> str:
        if not contract.share_key:
            return ""
        return page_address(reverse("web:contract_public", args=[contract.share_key]))


class ContractDetailOutput(ContractOutput, DocumentDetailOutput):
    """A contract with its draft."""


class PublishedQuery(StrictSerializer):
    form = serializers.ChoiceField(
        choices=sorted(EXPORTS),
        required=False,
        default="contract",
        help_text="contract: the document with its schemas in full. Or OpenAPI 3.1, or AsyncAPI 3.0.",
    )


class PublishedOutput(serializers.Serializer[Any]):
    form = serializers.ChoiceField(choices=sorted(EXPORTS))
    version = serializers.IntegerField()
    content = JsonField()


@extend_schema(tags=["contracts"])
class ContractViewSet(DocumentViewSet):
    kind = "contract"
    row_serializer = ContractOutput
    detail_serializer = ContractDetailOutput
    required_permissions = {
        **permissions_of_kind("contracts"),
        "published": "contracts.view",
        "share": "contracts.publish",
        "unshare": "contracts.publish",
    }

    @extend_schema(parameters=[PublishedQuery], responses=PublishedOutput)
    def published(self, request: Request, slug: str) -> Response:
        """The newest version for programs: with its schemas in full, and where to send to."""
        document, form = self.document(slug), self.read_query(PublishedQuery)["form"]
        version = document.versions.order_by("-number").first()
        if version is None:
            raise NotFound(what="contract version")
        content = EXPORTS[form](version, doors_of(document))
        return Response(PublishedOutput({"form": form, "version": version.number, "content": content}).data)

    @extend_schema(request=None, responses=ContractOutput)
    def share(self, request: Request, slug: str) -> Response:
        """Let everybody who has the link read what is published; the answer names the link."""
        return Response(ContractOutput(share_contract(contract=self.document(slug), actor=self.actor)).data)

    @extend_schema(request=None, responses=ContractOutput)
    def unshare(self, request: Request, slug: str) -> Response:
        """End the link at once."""
        return Response(ContractOutput(unshare_contract(contract=self.document(slug), actor=self.actor)).data)
