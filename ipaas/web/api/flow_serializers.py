"""Shapes of trying flows out and of promoting them."""

from typing import Any

from rest_framework import serializers

from ipaas.core.document_forms import MAX_BYTES
from ipaas.runtime.testing import MOST_OUTPUTS
from ipaas.web.api.document_serializers import ChangeOutput
from ipaas.web.api.fields import JsonField, StrictSerializer


class TestInput(StrictSerializer):
    """A step to try out: with ``alone`` upon the results given, else with everything that stands before it."""

    __test__ = False  # not a test case of pytest

    environment = serializers.SlugField(max_length=40)
    step = serializers.CharField(max_length=500, help_text="The id or the path of a step.")
    version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="Without it the newest; it need not be deployed."
    )
    draft = serializers.BooleanField(
        required=False, default=False, help_text="The draft as it is saved now, instead of a version."
    )
    document = serializers.CharField(
        max_length=MAX_BYTES,
        required=False,
        trim_whitespace=False,
        help_text="A text of the flow's document, instead of a version; it is neither saved nor published.",
    )
    in_production = serializers.BooleanField(
        required=False, default=False, help_text="A draft is not tried out in production without this."
    )
    alone = serializers.BooleanField(required=False, default=False, help_text="Without what stands before the step.")
    body = JsonField(required=False, help_text="What expressions read as trigger.body.")
    outputs = serializers.DictField(
        child=JsonField(), required=False, default=dict, help_text="Results by id or path; those steps do not run."
    )
    from_run = serializers.UUIDField(
        required=False, help_text="A run of the flow whose input and results are used where none are given here."
    )
    item = serializers.IntegerField(
        min_value=0, max_value=99_999, required=False, default=0, help_text="The element of a for-each around the step."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum((attrs["draft"], "document" in attrs, "version" in attrs)) > 1:
            message = "give one of version, draft and document"
            raise serializers.ValidationError({"version": [message]})
        return attrs

    def validate_outputs(self, outputs: dict[str, Any]) -> dict[str, Any]:
        if len(outputs) > MOST_OUTPUTS:
            message = f"at most {MOST_OUTPUTS} results"
            raise serializers.ValidationError(message)
        return outputs


class OutsideCallOutput(serializers.Serializer[Any]):
    path = serializers.CharField()
    title = serializers.CharField()
    effect = serializers.ChoiceField(choices=["reads", "writes", "emits", "starts"])
    what = serializers.CharField(help_text="connection.action, the type of an event, or a flow.")
    target = serializers.CharField(help_text="Where it goes; empty where the environment has no such connection.")


class TestPreviewOutput(serializers.Serializer[Any]):
    __test__ = False  # not a test case of pytest

    calls = OutsideCallOutput(many=True)


class _FromTo(StrictSerializer):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``from`` is no name that a class body could hold."""
        places = {
            "from": serializers.SlugField(max_length=40, help_text="The environment whose version is meant."),
            "to": serializers.SlugField(max_length=40, help_text="The environment where it is to run."),
        }
        return {**places, **super().get_fields()}


class PromotionQuery(_FromTo):
    pass


class PromoteInput(_FromTo):
    version = serializers.IntegerField(
        min_value=1, max_value=2**31 - 1, required=False, help_text="409 when the first one runs another by now."
    )
    note = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class NeedOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["connection", "variable", "endpoint", "flow"])
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=["ready", "differs", "missing"])
    note = serializers.CharField()


class PromotionOutput(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="version.number", help_text="That would run.")
    current = serializers.SerializerMethodField(help_text="That runs there now; null for none.")
    needs = NeedOutput(many=True, help_text="While one is missing, the flow is not promoted.")
    diff = serializers.CharField(source="comparison.text", help_text="A unified diff of the texts.")
    changes = ChangeOutput(source="comparison.changes", many=True)

    def get_current(self, plan: Any) -> int | None:
        return plan.current.number if plan.current else None
