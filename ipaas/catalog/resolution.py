"""From the name of a connection to everything a call over it needs; kept for a moment in each process."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from uuid import UUID

from ipaas.catalog.errors import ConnectionDisabled, ConnectionMissing, ConnectorMissing
from ipaas.catalog.models import AnnouncedRate, Connection
from ipaas.catalog.registry import connector_of, policy_of
from ipaas.catalog.threads import once_in_thread
from ipaas.core import jsonio
from ipaas.core.net import EgressPolicy, Target, parse_url
from ipaas.policies.limits.model import LimitSpec
from ipaas.policies.settings import PLATFORM, Effective, PolicySettings, merge
from ipaas.sdk import targets
from ipaas.sdk.connector import Connector
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.tokens import granting

JSON = Any
KEEP_S = 3.0
_MAX_KEPT = 5000
_MAX_POLICIES = 2000


@dataclass(slots=True)
class Resolved:
    """A connection ready to be called. ``target`` is None for protocols other than HTTP.

    ``grant`` is the part of its scheme whose token is fetched before calls, where there is one.
    """

    id: UUID
    workspace_id: UUID
    workspace_slug: str
    slug: str
    connector: Connector
    config: Mapping[str, JSON]
    target: Target | None
    base_path: str
    origin: str
    scheme: AuthScheme | None
    grant: AuthScheme | None
    secret: str
    secret_bound: bool
    policy: Mapping[str, JSON]
    forced_breaker: Literal["open", "closed"] | None
    egress: EgressPolicy
    enabled: bool
    announced: Mapping[str, JSON] | None = None
    policies: dict[tuple[str, str, bytes], tuple[PolicySettings, LimitSpec]] = field(default_factory=dict)

    def settings_for(self, action: str, step: str, policy: Mapping[str, JSON]) -> tuple[PolicySettings, LimitSpec]:
        """Merged settings and limits of an action called by a step; raises InvalidInput for a contradiction."""
        key = (action, step if policy else "", jsonio.canonical(policy) if policy else b"")
        found = self.policies.get(key)
        if found is None:
            settings = merge(PLATFORM, self._of_the_vendor(action), self.policy, policy).settings
            if len(self.policies) >= _MAX_POLICIES:
                self.policies.clear()
            found = self.policies[key] = (settings, self._limits(settings, step))
        return found

    def _of_the_vendor(self, action: str) -> Mapping[str, JSON]:
        """The manifest's values, with the rate that answers announce where that is lower or the only one."""
        own = policy_of(self.connector.manifest, action)
        stated = own.get("rate", {}).get("per_second")
        if self.announced is None or (stated is not None and stated <= self.announced["per_second"]):
            return own
        return {**own, "rate": {**own.get("rate", {}), **self.announced}}

    def _limits(self, settings: PolicySettings, step: str) -> LimitSpec:
        return LimitSpec(
            workspace_id=self.workspace_id,
            connection_id=self.id,
            rate=settings.rate,
            concurrency=settings.concurrency,
            breaker=settings.breaker,
            bucket=step if settings.step_rate else "",
            step_rate=settings.step_rate,
        )


_kept: dict[tuple[UUID, UUID, str], tuple[float, Resolved]] = {}


async def connection_for(workspace_id: UUID, environment_id: UUID, slug: str) -> Resolved:
    """The connection of an environment, at most three seconds old.

    Raises ConnectionMissing, ConnectionDisabled or ConnectorMissing.
    """
    key = (workspace_id, environment_id, slug)
    entry = _kept.get(key)
    if entry is None or entry[0] < time.monotonic():
        resolved = await once_in_thread(key, load, workspace_id, environment_id, slug)
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        entry = _kept[key] = (time.monotonic() + KEEP_S, resolved)
    if not entry[1].enabled:
        raise ConnectionDisabled(connection=slug)
    return entry[1]


def invalidate(connection: Connection) -> None:
    """Forget what this process holds of a connection; other processes follow within three seconds."""
    _kept.pop((connection.workspace_id, connection.environment_id, connection.slug), None)


def invalidate_all() -> None:
    _kept.clear()


def load(workspace_id: UUID, environment_id: UUID, slug: str) -> Resolved:
    row = (
        Connection.objects.in_workspace(workspace_id)
        .in_environment(environment_id)
        .filter(slug=slug)
        .select_related("workspace", "announced_rate")
        .first()
    )
    if row is None:
        raise ConnectionMissing(connection=slug)
    found = resolve(row)
    found.announced = _announced(row)
    return found


def _announced(row: Connection) -> Mapping[str, JSON] | None:
    """The vendor's own rate as a policy: its window spread evenly, a tenth of it at once."""
    rate: AnnouncedRate | None = getattr(row, "announced_rate", None)
    if rate is None or rate.per_second is None or rate.quota is None:
        return None
    return {"per_second": max(rate.per_second, 0.001), "burst": min(max(1, rate.quota // 10), 100_000)}


def resolve(row: Connection) -> Resolved:
    """What a call over this connection needs; raises ConnectorMissing."""
    connector = connector_of(row)
    manifest = connector.manifest
    config = connector.with_config_defaults(row.config)
    target = parse_url(row.base_url) if manifest.protocol == "http" else None
    origin = origin_of(manifest.protocol, target, config)
    scheme = manifest.auth.get(row.auth_scheme)
    if scheme is None:
        raise ConnectorMissing(connector=f"{row.connector} with the authentication {row.auth_scheme}")
    return Resolved(
        id=row.id,
        workspace_id=row.workspace_id,
        workspace_slug=row.workspace.slug,
        slug=row.slug,
        connector=connector,
        config=config,
        target=target,
        base_path=target.path.decode("ascii").rstrip("/") if target else "",
        origin=origin,
        scheme=scheme,
        grant=granting(scheme),
        secret=row.secret,
        secret_bound=bool(row.secret) and row.secret_origin == origin,
        policy=row.policy,
        forced_breaker=cast("Literal['open', 'closed'] | None", row.forced_breaker or None),
        egress=egress_of(row.workspace.settings),
        enabled=row.enabled,
    )


def origin_of(protocol: str, target: Target | None, config: Mapping[str, JSON]) -> str:
    """What a credential is bound to: scheme, host and port."""
    if target is not None:
        return target.origin
    return targets.origin(protocol, config)


def egress_of(settings: Mapping[str, JSON]) -> EgressPolicy:
    """The egress policy in a workspace's settings: ``egress_allow`` is a list of host:port."""
    return EgressPolicy.parse(settings.get("egress_allow", ()))


def effective_policy(row: Connection, action: str = "", step: Mapping[str, JSON] | None = None) -> Effective:
    """The merged settings with the origin of each value, for pages."""
    manifest = connector_of(row).manifest
    return merge(PLATFORM, policy_of(manifest, action), row.policy, step or {})
