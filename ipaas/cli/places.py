"""Which server the command line speaks to, and with which key.

In this order: ``--server`` with IPAAS_API_KEY; IPAAS_SERVER with IPAAS_API_KEY; what ``ipaas login`` has kept; the
instance that runs on this machine, with a key that is made at first use and kept in its home folder.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

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


def find_place(*, server: str | None, workspace: str | None, environment: Mapping[str, str] = os.environ) -> Place:
    """Raises NoServer, NoKey, ServerRefused or WorkspaceUnclear."""
    named = server or environment.get("IPAAS_SERVER")
    key = environment.get("IPAAS_API_KEY")
    if named:
        address = checked_server(named)
        found = key or _kept().get("servers", {}).get(address)
        if not found:
            raise NoKey(server=address)
        return Place(address, found)
    kept = _kept()
    if chosen := kept.get("server"):
        return Place(chosen, key or kept["servers"][chosen])
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


def keep(server: str, key: str) -> Path:
    """Use this server and key from now on; the file is readable by its owner only."""
    kept = _kept()
    return _write({"server": server, "servers": {**kept.get("servers", {}), server: key}})


def forget() -> str | None:
    """Forget the present server and its key; its address, or None when there is none."""
    kept = _kept()
    server: str | None = kept.get("server")
    if server is not None:
        _write({"servers": {name: key for name, key in kept["servers"].items() if name != server}})
    return server


def credentials_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "ipaas" / "credentials.json"


def _kept() -> dict[str, Any]:
    try:
        found = json.loads(credentials_file().read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(content: Mapping[str, Any]) -> Path:
    file = credentials_file()
    write_private(file, json.dumps(content, indent=1))
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
        key = _key_file(slug).read_text().strip()
    except FileNotFoundError:
        key = make_local_key(slug)
    return Place(f"http://{host}:{here.port}", key, local=True)


def make_local_key(slug: str) -> str:
    """A key of the service account of this machine's command line, with all permissions; kept in the home folder.

    Whoever can write there holds the keys of the whole instance already.
    """
    _django()
    from ipaas.accounts.models import ServiceAccount, Workspace
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
    write_private(_key_file(slug), made.raw)
    return made.raw


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
