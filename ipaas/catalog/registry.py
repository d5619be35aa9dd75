"""The connectors of this installation."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ipaas.catalog.errors import ConnectorMissing
from ipaas.config import ROOT
from ipaas.sdk.connector import Connector
from ipaas.sdk.loader import load_all
from ipaas.sdk.manifest import Manifest

FOLDER = ROOT / "connectors"


@lru_cache(maxsize=1)
def connectors() -> Mapping[str, Connector]:
    """All connectors by slug, loaded once per process."""
    return load_all([FOLDER])


def connector_named(slug: str) -> Connector:
    """Raises ConnectorMissing."""
    found = connectors().get(slug)
    if found is None:
        raise ConnectorMissing(connector=slug)
    return found


def policy_of(manifest: Manifest, action: str = "") -> dict[str, Any]:
    """A manifest's own values in the form of a policy object."""
    policy: dict[str, Any] = {}
    limit = manifest.rate_limit
    if limit is not None:
        rate = {"per_second": limit.rate, "burst": limit.burst, "daily_quota": limit.daily_quota}
        policy["rate"] = {key: value for key, value in rate.items() if value is not None}
    if manifest.concurrency is not None:
        policy["concurrency"] = manifest.concurrency
    spec = manifest.actions.get(action)
    timeout = spec.timeout_s if spec is not None and spec.timeout_s is not None else manifest.timeout_s
    if timeout is not None:
        policy["timeout_s"] = timeout
    retry = manifest.retry
    values = {"max_attempts": retry.attempts, "base_s": retry.base_s, "cap_s": retry.cap_s}
    if any(value is not None for value in values.values()):
        policy["retry"] = {key: value for key, value in values.items() if value is not None}
    return policy
