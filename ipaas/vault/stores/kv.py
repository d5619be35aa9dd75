"""Values in the KV engine (version 2) of OpenBao or HashiCorp Vault; the row keeps the number of its version alone.

What somebody writes there by other means is used as soon as it is read, and becomes a version of the secret.
"""

from collections.abc import Mapping
from typing import Any

from ipaas.core import jsonio
from ipaas.core.phrases import said, sentences
from ipaas.vault.errors import SecretUnusable
from ipaas.vault.models import Backend, SecretVersion, StoreKind
from ipaas.vault.names import FIELD
from ipaas.vault.stores.bao import BaoClient
from ipaas.vault.stores.base import Held


class KvStore:
    kind = StoreKind.OPENBAO

    def __init__(self, backend: Backend) -> None:
        self.client = BaoClient(backend)
        self.mount, self.path = backend.config["mount"], backend.config["path"]

    def open(self, version: SecretVersion) -> Held:
        slug = version.secret.slug
        place = self._place("data", slug)
        if version.state != SecretVersion.State.LIVE:
            place += f"?version={version.store_ref}"
        found = self.client.ask("GET", place)
        data, number = (found or {}).get("data"), ((found or {}).get("metadata") or {}).get("version")
        if not isinstance(data, dict) or not isinstance(number, int):
            raise SecretUnusable(slug=slug)
        fields = {name: _text(value) for name, value in data.items() if FIELD.match(name)}
        if not fields or None in fields.values():
            raise SecretUnusable(slug=slug)
        return Held({name: value for name, value in fields.items() if value is not None}, str(number))

    def put(self, version: SecretVersion, fields: Mapping[str, str]) -> None:
        written = self.client.ask("POST", self._place("data", version.secret.slug), {"data": dict(fields)})
        number = (written or {}).get("version")
        if not isinstance(number, int):
            raise self.client.unavailable(said("there is no KV engine of version 2 at {mount}/", mount=self.mount))
        version.store, version.store_ref = self.kind, str(number)
        version.field_names, version.sealed_fields = sorted(fields), []
        version.wrapped_key, version.kek_version = b"", 0

    def wipe(self, slug: str, refs: list[str]) -> None:
        self.client.ask("PUT", self._place("destroy", slug), {"versions": [int(ref) for ref in refs]})

    def check(self) -> str:
        """Reads what the login may do instead of doing it: nothing is written for a test."""
        told = self.client.check()
        wanted = {"data": {"create", "update", "read"}, "destroy": {"update"}}
        places = {self._place(what, "name-of-a-secret"): needs for what, needs in wanted.items()}
        granted = self.client.ask("POST", "sys/capabilities-self", {"paths": list(places)}) or {}
        for place, needs in places.items():
            has = set(granted.get(place) or ())
            if not (needs <= has or "root" in has):
                lacks = ", ".join(sorted(needs - has))
                raise self.client.unavailable(
                    said("the login may not {lacks} {place}/…", lacks=lacks, place=place.rpartition("/")[0])
                )
        place = f"{self.mount}/{self.path}"
        return sentences(told, said("It may read, write and destroy below {place}.", place=place))

    def _place(self, what: str, slug: str) -> str:
        return "/".join(part for part in (self.mount, what, self.path, slug) if part)


def _text(value: Any) -> str | None:
    """Texts as they are; numbers and switches as JSON writes them; None for anything else."""
    if isinstance(value, str):
        return value or None
    return jsonio.dumps(value).decode() if isinstance(value, int | float) else None
