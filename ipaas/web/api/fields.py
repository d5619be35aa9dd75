"""Serializers that refuse what they do not know, and a field for any JSON."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


@extend_schema_field(OpenApiTypes.ANY)
class JsonField(serializers.Field[Any, Any, Any, Any]):
    """Any JSON, null too, handed on exactly as it was read."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class StrictSerializer(serializers.Serializer[Any]):
    """Input: an object with known keys only; what is refused is named, and what would be taken instead."""

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.ChoiceField):
                choices = ", ".join(str(one) for one in field.choices if one != "")
                field.error_messages["invalid_choice"] = f"is not one of {choices}"
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = [key for key in data if key not in self.fields or self.fields[key].read_only]
            if unknown:
                message = serializers.ErrorDetail("there is no such field", code="field.unknown")
                raise serializers.ValidationError({str(key)[:80]: [message] for key in unknown[:20]})
        return super().to_internal_value(data)


class PageOutput(serializers.Serializer[Any]):
    """A page; the subclass names its ``items``."""

    next_cursor = serializers.CharField(
        allow_null=True, help_text="Hand it in as cursor for the next page; null at the end."
    )


class ReasonInput(StrictSerializer):
    reason = serializers.CharField(max_length=500, allow_blank=False)


class OptionalReasonInput(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class FindingOutput(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer of the place; empty is the whole.")
    code = serializers.CharField()
    message = serializers.CharField()
    severity = serializers.ChoiceField(choices=["error", "warning"])
    line = serializers.IntegerField(required=False, help_text="From 1, where a text was sent.")
    column = serializers.IntegerField(required=False, help_text="From 1, where a text was sent.")
