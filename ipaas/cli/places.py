"""Which server the command line speaks to, and with which key.

In this order: ``--profile``; ``--server``; IPAAS_PROFILE; IPAAS_SERVER; the current profile that ``ipaas login`` has
kept; the instance that runs on this machine, with a key that is made at first use and kept in its home folder.
IPAAS_API_KEY goes before every kept key.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ipaas.config import settings
from ipaas.core.errors import IpaasError
from ipaas.core.net import UrlRefused, parse_url

ACCOUNT = "command-line"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class NoServer(IpaasError):
    """No server is named, nobody has signed in, and no instance runs on this machine."""

    code = "cli.no_server"
    title = "No server"
    remedy = "Start one with `python3 manage.py up`, or run `ipaas login --server URL`, or set IPAAS_SERVER."


class NoKey(IpaasError):
    """There is no key for {server}."""

    code = "cli.no_key"
    title = "No key"
    remedy = "Set IPAAS_API_KEY, or run `ipaas login --server {server}`."


class NoProfile(IpaasError):
    """There is no profile {profile}; there is {known}."""

    code = "cli.no_profile"
    title = "No such profile"
    remedy = "Make it with `ipaas login --profile {profile} --server URL`."


class ServerRefused(IpaasError):
    """The address {server} is not used: {reason}"""

    code = "cli.server_refused"
    title = "Server refused"
    remedy = "Name a server such as https://ipaas.example.com."


class WorkspaceUnclear(IpaasError):
    """This instance has the workspaces {workspaces}."""

    code = "cli.workspace_unclear"
    title = "Workspace unclear"
    remedy = "Name one with --workspace or IPAAS_WORKSPACE."


class NoWorkspace(IpaasError):
    """This instance has no workspace yet."""

    code = "cli.no_workspace"
    title = "No workspace"
    remedy = "Wait until `manage.py up` is ready, or run `ipaas demo install`."


@dataclass(frozen=True, slots=True)
class Place:
    """A server and the key to use there; ``local`` ones make their key themselves."""

    server: str
    key: str
    local: bool = False

    def __repr__(self) -> str:
        return f"Place({self.server})"


def find_place(
    *,
    server: str | None,
    workspace: str | None,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Place:
    """Raises NoServer, NoProfile, NoKey, ServerRefused or WorkspaceUnclear."""
    kept, key = kept_profiles(), environment.get("IPAAS_API_KEY")
    if name := profile or (None if server else environment.get("IPAAS_PROFILE")):
        found = kept.profiles.get(name)
        if found is None:
            raise NoProfile(profile=name[:80], known=", ".join(sorted(kept.profiles)) or "none")
        return Place(checked_server(found["server"]), key or found["key"])
    if named := server or environment.get("IPAAS_SERVER"):
        address = checked_server(named)
        own = key or kept.key_of(address)
        if not own:
            raise NoKey(server=address)
        return Place(address, own)
    if kept.current is not None:
        chosen = kept.profiles[kept.current]
        return Place(checked_server(chosen["server"]), key or chosen["key"])
    return _local(workspace or environment.get("IPAAS_WORKSPACE"))


def checked_server(server: str) -> str:
    """An address in its usual form; a key goes over https only, except to this machine."""
    try:
        target = parse_url(server)
    except UrlRefused as error:
        raise ServerRefused(server=server[:200], reason=error.detail) from None
    if target.scheme != "https" and target.host not in LOOPBACK:
        raise ServerRefused(server=server[:200], reason="a key must not travel in clear; use https.")
    return server.rstrip("/")


# -- what `ipaas login` keeps --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Profiles:
    """Servers and keys by name; ``current`` is the one that is used without ``--profile``."""

    current: str | None
    profiles: Mapping[str, Mapping[str, str]]

    def key_of(self, server: str) -> str | None:
        """The key kept for a server, the current profile's first."""
        ranked = sorted(self.profiles.items(), key=lambda entry: entry[0] != self.current)
        return next((one["key"] for _, one in ranked if one["server"] == server), None)


def keep(server: str, key: str, profile: str) -> Path:
    """Use this server and key from now on; the file is readable by its owner only."""
    kept = kept_profiles()
    return _write(Profiles(profile, {**kept.profiles, profile: {"server": server, "key": key}}))


def use(profile: str) -> None:
    """Make a profile the current one."""
    kept = kept_profiles()
    if profile not in kept.profiles:
        raise NoProfile(profile=profile[:80], known=", ".join(sorted(kept.profiles)) or "none")
    _write(Profiles(profile, kept.profiles))


def forget(profile: str | None = None) -> str | None:
    """Forget a profile and its key, the current one without a name; its server, or None when there is none."""
    kept = kept_profiles()
    name = profile or kept.current
    found = kept.profiles.get(name) if name else None
    if found is None:
        return None
    others = {other: one for other, one in kept.profiles.items() if other != name}
    _write(Profiles(None if name == kept.current else kept.current, others))
    return found["server"]


def credentials_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "ipaas" / "credentials.json"


def kept_profiles() -> Profiles:
    """What is kept; nothing for a file that is missing or of another form."""
    try:
        found = json.loads(credentials_file().read_text())
        profiles = {
            str(name): {"server": str(one["server"]), "key": str(one["key"])}
            for name, one in found.get("profiles", {}).items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return Profiles(None, {})
    current = found.get("current")
    return Profiles(current if current in profiles else None, profiles)


def _write(kept: Profiles) -> Path:
    file = credentials_file()
    write_private(file, json.dumps({"current": kept.current, "profiles": kept.profiles}, indent=1))
    return file


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with private_draft(file) as handle:
        handle.write(text.encode())


@contextmanager
def private_draft(file: Path) -> Iterator[BinaryIO]:
    """A file under another name, readable by its owner only, that takes its place when the block ends well."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            yield handle
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


# -- the instance of this machine ----------------------------------------------------------------------------------


def _local(workspace: str | None) -> Place:
    here = settings()
    if not (here.home / "state.json").exists() and "DATABASE_URL" not in os.environ:
        raise NoServer
    host = f"[{here.host}]" if ":" in here.host else here.host
    slug = workspace or _only_workspace()
    try:
        key, _, rights = _key_file(slug).read_text().strip().partition("\n")
    except FileNotFoundError:
        key = make_local_key(slug)
    else:
        if rights != _rights():
            key = make_local_key(slug, instead_of=key)
    return Place(f"http://{host}:{here.port}", key, local=True)


def make_local_key(slug: str, *, instead_of: str = "") -> str:
    """A key of the service account of this machine's command line, with all permissions; kept in the home folder.

    Whoever can write there holds the keys of the whole instance already. The key that it takes the place of is
    revoked: it was made by a release with other permissions.
    """
    _django()
    from ipaas.accounts.api_keys import revoke_api_key
    from ipaas.accounts.models import ApiKey, ServiceAccount, Workspace
    from ipaas.accounts.services import create_api_key, create_service_account
    from ipaas.core.actor import SYSTEM, known_permissions
    from ipaas.core.errors import NotFound

    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise NotFound(what="workspace")
    account = ServiceAccount.objects.filter(workspace=workspace, slug=ACCOUNT).first() or create_service_account(
        workspace=workspace, slug=ACCOUNT, name="Command line of this machine", roles=["admin"], actor=SYSTEM
    )
    made = create_api_key(
        workspace=workspace,
        name="command line",
        scopes=sorted(known_permissions()),
        service_account=account,
        actor=SYSTEM,
    )
    write_private(_key_file(slug), f"{made.raw}\n{_rights()}\n")
    prefix = "".join(instead_of.split("_")[1:2])
    for old in ApiKey.objects.filter(service_account=account, prefix=prefix):
        revoke_api_key(key=old, actor=SYSTEM)
    return made.raw


def _rights() -> str:
    """Which permissions there are, so that a key of another release is told from one of this."""
    from ipaas.accounts.roles import PERMISSIONS

    return hashlib.sha256(" ".join(sorted(PERMISSIONS)).encode()).hexdigest()[:16]


def forget_local_key(workspace: str | None) -> None:
    """Have the next command make a new key, after the present one was revoked or its database replaced."""
    _key_file(workspace or os.environ.get("IPAAS_WORKSPACE") or _only_workspace()).unlink(missing_ok=True)


def _key_file(slug: str) -> Path:
    return settings().home / "keys" / f"cli-{slug.replace('/', '_')}"


def _only_workspace() -> str:
    _django()
    from ipaas.accounts.models import Workspace

    slugs = list(Workspace.objects.order_by("slug").values_list("slug", flat=True)[:20])
    if not slugs:
        raise NoWorkspace
    if len(slugs) > 1:
        raise WorkspaceUnclear(workspaces=", ".join(slugs))
    return slugs[0]


def _django() -> None:
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
