"""Form fields made from a JSON Schema of settings: one per property, empty means "leave it out"."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ipaas.core import jsonio
from ipaas.core.phrases import in_words

JSON = Any
YES_NO = [("true", gettext_lazy("yes")), ("false", gettext_lazy("no"))]


class JsonField(forms.CharField):
    """A value for which there is no better control, as JSON."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def to_python(self, value: Any) -> JSON:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return jsonio.loads(text.encode())
        except jsonio.JsonInvalid as error:
            raise forms.ValidationError(in_words(error.detail)) from None

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else jsonio.dumps(value).decode()


class LinesField(forms.CharField):
    """A list of texts or whole numbers, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def __init__(self, *, numbers: bool, **given: Any) -> None:
        super().__init__(**given)
        self.numbers = numbers

    def to_python(self, value: Any) -> JSON:
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]
        if not self.numbers:
            return lines or None
        if not all(line.removeprefix("-").isdecimal() and line.isascii() and len(line) < 16 for line in lines):
            raise forms.ValidationError(_("Enter one whole number a line."), code="invalid")
        return [int(line) for line in lines] or None

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class YesNoField(forms.ChoiceField):
    """True, False or, left empty, neither."""

    def to_python(self, value: Any) -> Any:
        return {"true": True, "false": False}.get(super().to_python(value))

    def valid_value(self, value: Any) -> bool:
        return value in (True, False)

    def prepare_value(self, value: Any) -> Any:
        return {True: "true", False: "false"}.get(value, value)

    def validate(self, value: Any) -> None:
        if value is None and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")


class LimitField(forms.CharField):
    """A whole number, or ``off`` for no limit at all (JSON's null)."""

    OFF = "off"

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").strip().lower()
        if text in ("", self.OFF):
            return text
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            message = _("Enter a whole number, or off.")
            raise forms.ValidationError(message, code="invalid")
        return int(text)


def field_for(name: str, node: Mapping[str, Any], *, required: bool, usual: str = "") -> forms.Field:
    """The control of one property; ``usual`` says what holds when it is left empty."""
    given = _common(name, node, required=required, usual=usual)
    kind = _kind(node)
    if "enum" in node:
        values = [str(value) for value in node["enum"]]
        return forms.ChoiceField(choices=[*_none(required=required), *((one, one) for one in values)], **given)
    if kind == "boolean":
        return YesNoField(choices=[*_none(required=required), *YES_NO], **given)
    if kind == "integer":
        return forms.IntegerField(min_value=node.get("minimum"), max_value=node.get("maximum"), **given)
    if kind == ["integer", "null"]:
        return LimitField(**given)
    if kind == "number":
        return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any", **_bounds(node)}), **given)
    if kind == "string":
        return forms.CharField(max_length=node.get("maxLength"), **given)
    if kind == "array" and _kind(node.get("items", {})) in ("string", "integer"):
        return _lines(node, given)
    return JsonField(max_length=100_000, **given)


def _kind(node: Any) -> Any:
    """The type of a property; one that may also be null is simply left empty, but for limits, which may be off."""
    kind = node.get("type") if isinstance(node, Mapping) else None
    if isinstance(kind, list) and len(kind) == 2 and "null" in kind and kind != ["integer", "null"]:
        return next(one for one in kind if one != "null")
    return kind


def _lines(node: Mapping[str, Any], given: dict[str, Any]) -> forms.Field:
    told = f"{given.pop('help_text')} " + _("One a line.")
    return LinesField(numbers=_kind(node["items"]) == "integer", max_length=100_000, help_text=told.strip(), **given)


def value_for(node: Mapping[str, Any], value: Any) -> tuple[bool, JSON]:
    """Whether a cleaned value sets the property, and the JSON that it sets it to."""
    if value in ("", None):
        return False, None
    if "enum" in node:
        return True, next(one for one in node["enum"] if str(one) == value)
    return True, None if value == LimitField.OFF and node.get("type") == ["integer", "null"] else value


def initial_for(node: Mapping[str, Any], holder: Mapping[str, Any], key: str) -> Any:
    """What the control shows for a stored value."""
    if key not in holder:
        return None
    value = holder[key]
    if value is None and node.get("type") == ["integer", "null"]:
        return LimitField.OFF
    return value


def _common(name: str, node: Mapping[str, Any], *, required: bool, usual: str) -> dict[str, Any]:
    parts = [node.get("description", ""), _("Usually {value}.").format(value=usual) if usual else ""]
    return {
        "label": node.get("title") or name.replace("_", " ").capitalize(),
        "help_text": " ".join(part for part in parts if part),
        "required": required,
    }


def _none(*, required: bool) -> list[tuple[str, str]]:
    return [] if required else [("", "–")]


def _bounds(node: Mapping[str, Any]) -> dict[str, Any]:
    names = {"minimum": "min", "maximum": "max"}
    return {names[key]: node[key] for key in names if key in node}
