"""The glossary and the conventions: documents like others, where terms are used, what breaks a convention."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.core.document_types import document_type
from ipaas.core.errors import NotFound
from ipaas.governance.conventions import standings
from ipaas.governance.glossary import uses_of_term
from ipaas.ownership.glossary import TermFacts
from ipaas.web.api.documents import DocumentViewSet, permissions_of_kind


class TermUseOutput(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="schema, mapping or contract.")
    slug = serializers.CharField()
    title = serializers.CharField()
    places = serializers.ListField(child=serializers.CharField(), help_text="The fields; none of a contract.")


class TermUsesOutput(serializers.Serializer[Any]):
    uses = TermUseOutput(many=True)


class ConventionBreachOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    slug = serializers.CharField()
    title = serializers.CharField()
    findings = serializers.IntegerField(help_text="How often the draft breaks it.")


class ConventionStandingOutput(serializers.Serializer[Any]):
    checked = serializers.IntegerField(help_text="How many drafts it is about.")
    broken = ConventionBreachOutput(many=True)


def _newest(kind: str, document: Any) -> dict[str, Any]:
    version = document_type(kind).versions.filter(document=document).order_by("-number").first()
    if version is None:
        raise NotFound(what=f"{kind} version")
    content: dict[str, Any] = version.content
    return content


@extend_schema(tags=["terms"])
class TermViewSet(DocumentViewSet):
    kind = "term"
    required_permissions = {**permissions_of_kind("terms"), "uses": "terms.view"}

    @extend_schema(responses=TermUsesOutput)
    def uses(self, request: Request, slug: str) -> Response:
        """Where the newest version of a term is used: fields of schemas, targets of mappings, contracts."""
        term = TermFacts.of(_newest(self.kind, self.document(slug)))
        return Response(TermUsesOutput({"uses": uses_of_term(self.actor, term, self.workspace.id)}).data)


@extend_schema(tags=["conventions"])
class ConventionViewSet(DocumentViewSet):
    kind = "convention"
    required_permissions = {**permissions_of_kind("conventions"), "standing": "conventions.view"}

    @extend_schema(responses=ConventionStandingOutput)
    def standing(self, request: Request, slug: str) -> Response:
        """Which drafts break the newest version of a convention."""
        content = _newest(self.kind, self.document(slug))
        found = standings(self.actor, self.workspace.id, [content])[content["slug"]]
        names = ("kind", "slug", "title", "findings")
        broken = [dict(zip(names, one, strict=True)) for one in found.broken]
        return Response(ConventionStandingOutput({"checked": found.checked, "broken": broken}).data)
