"""Values that whoever runs the platform mounts: environment variables of its processes, or files. Read only.

A workspace sees what bears its own name, nothing else of the environment or the disk.
"""

import hmac
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from ipaas.config import settings
from ipaas.core import jsonio
from ipaas.core.phrases import said
from ipaas.vault.data_keys import derive_key
from ipaas.vault.errors import BackendUnavailable, SecretUnusable, StoreReadOnly
from ipaas.vault.models import Backend, SecretVersion, StoreKind
from ipaas.vault.names import FIELD
from ipaas.vault.sealing import derive
from ipaas.vault.stores.base import Held

PREFIX = "IPAAS_SECRET__"
LARGEST_FILE = 32 * 1024


class _Mounted:
    kind: StoreKind

    def __init__(self, backend: Backend) -> None:
        self.workspace = backend.workspace

    def open(self, version: SecretVersion) -> Held:
        slug = version.secret.slug
        fields = self.fields(slug)
        if not fields:
            raise SecretUnusable(slug=slug)
        return Held(fields, self._mark(fields))

    def put(self, version: SecretVersion, fields: Mapping[str, str]) -> None:
        """Takes only what is mounted already: that is how a secret moves here from another store."""
        if self.fields(version.secret.slug) != dict(fields):
            raise StoreReadOnly(kind=self.kind, slug=version.secret.slug)
        version.store, version.store_ref = self.kind, self._mark(fields)
        version.field_names, version.sealed_fields = sorted(fields), []
        version.wrapped_key, version.kek_version = b"", 0

    def wipe(self, slug: str, refs: list[str]) -> None:
        """What is mounted goes when whoever mounted it takes it away."""

    def fields(self, slug: str) -> dict[str, str]:
        raise NotImplementedError

    def _mark(self, fields: Mapping[str, str]) -> str:
        """Tells whether the value changed, and nothing about it: a keyed digest."""
        key = derive(derive_key(self.workspace.id), "vault.mounted")
        return hmac.new(key, jsonio.dumps(dict(sorted(fields.items()))), sha256).hexdigest()


class EnvironmentStore(_Mounted):
    """``IPAAS_SECRET__<WORKSPACE>__<SECRET>__<FIELD>``, hyphens as single underscores."""

    kind = StoreKind.ENVIRONMENT

    def fields(self, slug: str) -> dict[str, str]:
        prefix = self._prefix(slug)
        found = {name[len(prefix) :].lower(): value for name, value in os.environ.items() if name.startswith(prefix)}
        return {name: value for name, value in found.items() if value and FIELD.match(name)}

    def check(self) -> str:
        prefix = self._prefix("")
        names = {name[len(prefix) :].partition("__")[0] for name in os.environ if name.startswith(prefix)}
        return said("{count} secrets stand in variables {prefix}<SECRET>__<FIELD>.", count=len(names), prefix=prefix)

    def _prefix(self, slug: str) -> str:
        start = f"{PREFIX}{_as_variable(self.workspace.slug)}__"
        return f"{start}{_as_variable(slug)}__" if slug else start


class FileStore(_Mounted):
    """``<IPAAS_SECRETS_DIR>/<workspace>/<secret>/<field>``, as Kubernetes and Docker mount them."""

    kind = StoreKind.FILE

    def fields(self, slug: str) -> dict[str, str]:
        folder = self._folder() / slug
        try:
            files = sorted(one for one in folder.iterdir() if FIELD.match(one.name))
            return {file.name: text for file in files if (text := self._text(file))}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._unavailable(
                said("{folder} can not be read ({kind})", folder=folder, kind=type(error).__name__)
            ) from None

    def check(self) -> str:
        folder = self._folder()
        count = sum(1 for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
        return said("{count} secrets are mounted in {folder}.", count=count, folder=folder)

    def _text(self, file: Path) -> str:
        """A file's text without the line end that editors add; a link must stay inside the workspace's folder."""
        real = file.resolve(strict=True)
        if not real.is_relative_to(self._folder().resolve()) or real.stat().st_size > LARGEST_FILE:
            raise self._unavailable(
                said(
                    "{file} leads elsewhere or is larger than {most} bytes",
                    file=file,
                    most=LARGEST_FILE,
                )
            )
        try:
            text = real.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise self._unavailable(said("{file} is not UTF-8 text", file=file)) from None
        return text.removesuffix("\n").removesuffix("\r")

    def _folder(self) -> Path:
        root = settings().secrets_dir
        if root is None:
            raise self._unavailable(said("IPAAS_SECRETS_DIR is not set"))
        folder = root / self.workspace.slug
        if not folder.is_dir():
            raise self._unavailable(said("{folder} is not mounted", folder=folder))
        return folder

    def _unavailable(self, reason: str) -> BackendUnavailable:
        return BackendUnavailable(backend=self.kind, reason=reason)


def _as_variable(slug: str) -> str:
    return slug.upper().replace("-", "_")
