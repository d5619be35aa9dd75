"""A delivery to begin a test with: one that the vendor documents, else one made of the event's schema."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.registry import connector_in, installed
from ipaas.core import jsonio
from ipaas.core.errors import IpaasError
from ipaas.core.logging import get_logger
from ipaas.events.models import Endpoint, Subscription
from ipaas.sdk.manifest import Manifest, TriggerSpec
from ipaas.sdk.openapi.samples import Sampler
from ipaas.sdk.samples import Sample, read_samples

log = get_logger(__name__)
_GREETINGS = frozenset({"ping", "test", "url_verification"})


def example_for(endpoint: Endpoint) -> tuple[str, Any]:
    """Event type and document; nothing and an empty object where the endpoint's connector tells none.

    What the endpoint reads the delivery's id from is left out: each test gets an id of its own.
    """
    try:
        manifest = connector_in(endpoint.workspace_id, endpoint.connector).manifest if endpoint.connector else None
    except ConnectorMissing:
        manifest = None
    trigger = _trigger(endpoint, manifest) if manifest is not None else None
    if manifest is None or trigger is None:
        return "", {}
    event, document = _documented(manifest, trigger) or _made(trigger)
    return event, _without(document, endpoint.delivery_path)


def _trigger(endpoint: Endpoint, manifest: Manifest) -> TriggerSpec | None:
    """The one that is subscribed to, else the connector's first."""
    named = Subscription.objects.filter(endpoint=endpoint).values_list("trigger", flat=True).first()
    found = [one for one in manifest.triggers.values() if one.kind == "webhook"]
    return next((one for one in found if one.name == named), found[0] if found else None)


def _documented(manifest: Manifest, trigger: TriggerSpec) -> tuple[str, Any] | None:
    """A sample of the trigger that flows can start from, where there is one; what only greets comes last."""
    folder = installed().folders.get(manifest.slug)
    found = [one for one in _samples(folder, manifest.slug) if one.trigger == trigger.name] if folder else []
    for sample in sorted(found, key=lambda one: one.event not in trigger.events or one.event in _GREETINGS):
        document = _read(sample)
        if document is not None:
            return sample.event, document
    return None


@lru_cache(maxsize=64)
def _samples(folder: Path, slug: str) -> tuple[Sample, ...]:
    manifest = installed().connectors[slug].manifest
    try:
        return tuple(read_samples(folder, manifest))
    except IpaasError as error:
        log.warning(
            "samples of a connector can not be read", action="samples_failed", connector=slug, reason=str(error)
        )
        return ()


def _read(sample: Sample) -> Any:
    """The body as the test sender takes it: JSON, or the fields of a form; None for neither."""
    kind = next((value for name, value in sample.headers.items() if name.lower() == "content-type"), "")
    if "form-urlencoded" in kind:
        return dict(parse_qsl(sample.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        return jsonio.loads(sample.body)
    except jsonio.JsonInvalid:
        return None


def _made(trigger: TriggerSpec) -> tuple[str, Any]:
    for name, event in trigger.events.items():
        if isinstance(event.schema, Mapping):
            definitions = event.schema.get("definitions", event.schema.get("$defs", {}))
            return name, Sampler(definitions, whole=True).sample(event.schema)
    return next(iter(trigger.events), ""), {}


def _without(document: Any, path: str) -> Any:
    """The document without what stands at a path; paths joined by + name what belongs to the event and stay."""
    head, _, rest = path.partition(".")
    if not path or "+" in path or not isinstance(document, dict) or head not in document:
        return document
    if rest:
        return {**document, head: _without(document[head], rest)}
    return {name: value for name, value in document.items() if name != head}
