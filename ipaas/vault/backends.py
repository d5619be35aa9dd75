"""Which store keeps a workspace's secrets, and how it is reached."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.core.actor import Actor, require_permission
from ipaas.core.errors import InvalidInput
from ipaas.core.net import EgressPolicy, EgressRefused, Target, TlsFailed, check_url, tls_context
from ipaas.core.phrases import said, sentences
from ipaas.vault.errors import BackendUnavailable, BackendUnusable
from ipaas.vault.models import Backend, Secret, StoreKind
from ipaas.vault.services import create_secret, put_version
from ipaas.vault.stores import store_for

REMOTE = frozenset({StoreKind.OPENBAO, StoreKind.TRANSIT})
AUTH: Mapping[str, tuple[str, ...]] = {"token": ("token",), "approle": ("role_id", "secret_id")}
"""What each way of signing in needs."""
NAMES = ("address", "namespace", "mount", "path", "key", "auth", "auth_mount", "ca_pem")
LONGEST_PEM = 20_000
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*\Z")
_LONGEST = 200


def usual_config(workspace: Workspace, kind: str) -> dict[str, str]:
    """What a new backend is set to where nothing else is said."""
    if kind not in REMOTE:
        return {}
    mount, path = ("transit", "") if kind == StoreKind.TRANSIT else ("secret", f"ipaas/{workspace.slug}")
    key = f"ipaas-{workspace.slug}" if kind == StoreKind.TRANSIT else ""
    return {
        "address": "", "namespace": "", "mount": mount, "path": path, "key": key,
        "auth": "approle", "auth_mount": "approle", "ca_pem": "",
    }  # fmt: skip


@transaction.atomic
def set_backend(
    *, workspace: Workspace, kind: str, config: Mapping[str, Any], login: Mapping[str, str], actor: Actor
) -> str:
    """Keep what is entered from now on in the store ``kind``; secrets that are elsewhere stay until they are migrated.

    ``config`` names what differs from before, or from ``usual_config``. ``login`` may be empty when there is one for
    the same address; another address needs it anew. The store is tried first: what does not work is not stored.
    Returns what was found. Raises ``InvalidInput`` or ``BackendUnusable``.
    """
    require_permission(actor, "settings.edit", workspace)
    if kind not in StoreKind.values:
        message = said("is one of {choices}", choices=", ".join(StoreKind.values))
        raise InvalidInput([{"path": "kind", "code": "kind.unknown", "message": message}])
    Workspace.objects.select_for_update(no_key=True).get(id=workspace.id)
    rows = Backend.objects.select_related("login").filter(workspace=workspace)
    rows.filter(chosen=True).update(chosen=False)
    if kind != StoreKind.BUILTIN:
        row = rows.filter(kind=kind).first() or Backend(
            workspace=workspace, kind=kind, config=usual_config(workspace, kind)
        )
        row.workspace = workspace
        _configure(row, config, login, actor)
        row.chosen, row.down_since, row.down_words, row.down_told = True, None, None, False
        row.save()
    found = try_store(workspace, kind)
    details = {"store": kind, "address": config.get("address", "")} if kind in REMOTE else {"store": kind}
    audit.record(
        "vault.backend_set",
        actor=actor,
        workspace_id=workspace.id,
        subject=("workspace", workspace.id, workspace.slug),
        details=details,
    )
    return found


def check_backend(*, workspace: Workspace, kind: str, actor: Actor) -> str:
    """Try the store ``kind`` as it is set up; a sentence about what was found. Raises ``BackendUnusable``."""
    require_permission(actor, "settings.view", workspace)
    return try_store(workspace, kind)


def try_store(workspace: Workspace, kind: str) -> str:
    """What using the store needs, tried; a sentence about what was found. Raises ``BackendUnusable``."""
    try:
        return store_for(workspace.id, kind).check()
    except BackendUnavailable as error:
        raise BackendUnusable(reason=error.detail) from error


def _configure(row: Backend, config: Mapping[str, Any], login: Mapping[str, str], actor: Actor) -> None:
    errors = [
        {"path": name, "code": "field.unknown", "message": said("there is no such setting of this backend")}
        for name in sorted(set(config) - row.config.keys())
    ]
    if errors:
        raise InvalidInput(errors)
    row.config = {**row.config, **{name: str(value).strip() for name, value in config.items()}}
    if row.kind not in REMOTE:
        return
    row.config["address"] = row.config["address"].rstrip("/")
    target, errors = _faults(row)
    origin = target.origin if target is not None else ""
    needed = AUTH.get(row.config["auth"], ())
    if login and set(login) != set(needed):
        errors.append(
            {
                "path": "login",
                "code": "login.fields",
                "message": said("has the fields {names}", names=", ".join(needed)),
            }
        )
    elif not login and (row.login is None or row.origin != origin or _login_fields(row.login) != set(needed)):
        message = said("is entered with the address that it is for")
        errors.append({"path": "login", "code": "login.missing", "message": message})
    if errors:
        raise InvalidInput(errors)
    if login:
        row.origin, row.login = origin, _keep_login(row, login, actor)


def _faults(row: Backend) -> tuple[Target | None, list[dict[str, str]]]:
    config, errors = row.config, []
    target = None
    egress = EgressPolicy.parse(row.workspace.settings.get("egress_allow", ()))
    try:
        target = check_url(config["address"], egress)
        if target.scheme != "https" and not egress.allows_private(target.host, target.port):
            message = said("begins with https; plain http is for hosts on the workspace's egress allow-list")
            errors.append({"path": "address", "code": "address.plain", "message": message})
        if "?" in config["address"] or len(config["address"]) > _LONGEST:
            errors.append({"path": "address", "code": "address.form", "message": said("is scheme, host and port")})
    except EgressRefused as error:
        errors.append(
            {
                "path": "address",
                "code": error.code,
                "message": sentences(error.detail, error.advice),
            }
        )
    needed = {"mount", "key" if row.kind == StoreKind.TRANSIT else "path", "auth_mount"}
    for name in ("mount", "path", "key", "auth_mount", "namespace"):
        value = config[name]
        if (value or name in needed) and (len(value) > _LONGEST or not _PATH.match(value)):
            message = said("has letters, digits, dots, hyphens and underscores, in parts divided by single slashes")
            errors.append({"path": name, "code": f"{name}.form", "message": message})
    if config["auth"] not in AUTH:
        errors.append(
            {"path": "auth", "code": "auth.unknown", "message": said("is one of {choices}", choices=", ".join(AUTH))}
        )
    if config["ca_pem"]:
        try:
            if len(config["ca_pem"]) > LONGEST_PEM:
                raise TlsFailed(reason="too long")
            tls_context(ca_pem=config["ca_pem"])
        except TlsFailed:
            errors.append({"path": "ca_pem", "code": "ca.unreadable", "message": said("is a certificate in PEM")})
    return target, errors


def _login_fields(login: Secret) -> set[str]:
    newest = login.versions.order_by("-number").first()
    return set(newest.field_names) if newest is not None else set()


def _keep_login(row: Backend, login: Mapping[str, str], actor: Actor) -> Secret:
    """The login as a secret of the built-in store: what opens a store can not lie in it."""
    with_vault = replace(actor, permissions=actor.permissions | {"secrets.write", "secrets.rotate"})
    if row.login is not None:
        put_version(secret=row.login, fields=login, actor=with_vault, overlap=timedelta(0))
        row.login.refresh_from_db()
        return row.login
    return create_secret(
        workspace=row.workspace,
        slug=f"vault-login-{row.kind}",
        fields=login,
        actor=with_vault,
        kind=Secret.Kind.LOGIN,
        description="Signs in to the backend of the vault.",
    )


def chosen_backend(workspace: Workspace) -> Backend | None:
    """The backend that keeps what is entered; None: the built-in store."""
    return Backend.objects.select_related("workspace", "login").filter(workspace=workspace, chosen=True).first()


def down_backends(workspace_id: UUID) -> list[Backend]:
    """Stores outside that can not be used at present: what is kept there waits."""
    return list(Backend.objects.filter(workspace_id=workspace_id, down_since__isnull=False))
