"""What must hold for a connection before it is stored."""

from collections.abc import Mapping
from typing import Any

from ipaas.catalog.credentials import TLS_FIELDS
from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection
from ipaas.catalog.registry import connector_of, policy_of
from ipaas.catalog.resolution import egress_of, origin_of
from ipaas.core.errors import InvalidInput
from ipaas.core.net import EgressRefused, Target, check_url, parse_url
from ipaas.core.phrases import said, sentences
from ipaas.policies.schema import check_policy
from ipaas.policies.settings import PLATFORM, merge
from ipaas.sdk.credential_fields import CredentialUnusable
from ipaas.sdk.manifest import AuthScheme, Manifest
from ipaas.sdk.tokens import address_in
from ipaas.vault.models import Secret

Finding = dict[str, str]


def check(row: Connection) -> None:
    """Raise InvalidInput with every fault."""
    connector = connector_of(row)
    errors = [*_address_faults(row, connector.manifest), *_scheme_faults(row, connector.manifest)]
    if not isinstance(row.config, dict):
        errors.append({"path": "config", "code": "config.invalid", "message": said("is an object")})
    else:
        for found in connector.config_errors(row.config):
            path = f"config/{found['path'].lstrip('/')}".rstrip("/")
            errors.append({"path": path, "code": "config.invalid", "message": found["message"]})
    errors += _policy_faults(row, connector.manifest)
    if errors:
        raise InvalidInput(errors)


def origin(row: Connection) -> str:
    """Scheme, host and port that the connection calls."""
    connector = connector_of(row)
    target = _target(row, connector.manifest)
    return origin_of(connector.manifest.protocol, target, connector.with_config_defaults(row.config))


def scheme_of(row: Connection) -> AuthScheme:
    """The scheme of a connection; raises ConnectorMissing where its connector knows it no more."""
    scheme = connector_of(row).manifest.auth.get(row.auth_scheme)
    if scheme is None:
        raise ConnectorMissing(
            connector=said(
                "{connector} with the authentication {scheme}",
                connector=row.connector,
                scheme=row.auth_scheme,
            )
        )
    return scheme


def secret_places(row: Connection) -> tuple[str, ...]:
    """Where the secret goes: the connection's origin, and the addresses at which its scheme gets tokens."""
    connector = connector_of(row)
    scheme = connector.manifest.auth.get(row.auth_scheme)
    config = connector.with_config_defaults(row.config)
    texts = (
        [text for part in scheme.parts for text in (part.token_url, part.authorize_url)] if scheme is not None else []
    )
    return (checked_origin(row), *(_filled_in(text, config) for text in texts))


def _filled_in(text: str, config: Mapping[str, Any]) -> str:
    try:
        return address_in(text, config)
    except CredentialUnusable:  # a setting is missing: it goes nowhere yet
        return ""


def checked_origin(row: Connection) -> str:
    """Like ``origin`` for values that were just entered; raises InvalidInput where they do not even have one."""
    try:
        return origin(row)
    except (EgressRefused, TypeError, ValueError) as error:
        message = error.detail if isinstance(error, EgressRefused) else said("is not valid")
        path = "base_url" if isinstance(error, EgressRefused) else "config"
        raise InvalidInput([{"path": path, "code": "address.invalid", "message": message}]) from error


def usual_base_url(manifest: Manifest, environment: str) -> str:
    """The connector's own address for an environment: of its name, else the sandbox, else the only one."""
    urls = manifest.base_urls
    only = next(iter(urls.values())) if len(urls) == 1 else ""
    return urls.get(environment) or urls.get("sandbox") or only


def _target(row: Connection, manifest: Manifest) -> Target | None:
    return parse_url(row.base_url) if manifest.protocol == "http" else None


def _address_faults(row: Connection, manifest: Manifest) -> list[Finding]:
    if manifest.protocol != "http":
        return [_finding("base_url", "base_url.unused", said("stays empty for this connector"))] if row.base_url else []
    if not isinstance(row.base_url, str) or len(row.base_url) > 500 or "?" in row.base_url:
        return [
            _finding("base_url", "base_url.invalid", said("is an address of at most 500 characters without a query"))
        ]
    try:
        egress = egress_of(row.workspace.settings)
        target = check_url(row.base_url, egress)
    except EgressRefused as error:
        return [_finding("base_url", error.code, sentences(error.detail, error.advice))]
    if target.scheme != "https" and not egress.allows_private(target.host, target.port):
        message = said("begins with https; plain http is for hosts on the workspace's egress allow-list")
        return [_finding("base_url", "base_url.plain", message)]
    return []


def _scheme_faults(row: Connection, manifest: Manifest) -> list[Finding]:
    scheme = manifest.auth.get(row.auth_scheme) if isinstance(row.auth_scheme, str) else None
    if scheme is None:
        choices = ", ".join(manifest.auth)
        return [_finding("auth_scheme", "scheme.unknown", said("is one of {choices}", choices=choices))]
    if not row.secret:
        return []
    secret = Secret.objects.in_workspace(row.workspace_id).filter(slug=str(row.secret)).first()
    if secret is None:
        return [_finding("secret", "secret.missing", said("is not a secret of this workspace"))]
    if scheme.type == "none" and not _is_for_tls(secret):
        return [
            _finding(
                "secret", "secret.unused", said("stays empty for this authentication, but for a client certificate")
            )
        ]
    return []


def _is_for_tls(secret: Secret) -> bool:
    """Whether a secret holds a client certificate or a private authority, and nothing else."""
    names = secret.versions.filter(state="live").values_list("field_names", flat=True).first()
    return bool(names) and set(names or ()) <= set(TLS_FIELDS)


def _policy_faults(row: Connection, manifest: Manifest) -> list[Finding]:
    try:
        check_policy(row.policy)
        merge(PLATFORM, policy_of(manifest), row.policy, {})
    except InvalidInput as error:
        return [{**found, "path": f"policy/{found['path']}".rstrip("/")} for found in error.errors]
    return []


def _finding(path: str, code: str, message: str) -> Finding:
    return {"path": path, "code": code, "message": message}
