"""What every store of secrets does."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ipaas.vault.models import SecretVersion


class Held(NamedTuple):
    """A value as the store has it. ``ref`` is how the store knows it; another one than before: changed outside."""

    fields: dict[str, str]
    ref: str = ""


class Store(Protocol):
    """Keeps the values of versions, in the row or elsewhere; nothing of a value is kept on disk outside the store.

    Raises ``BackendUnavailable`` while the store can not be used: whoever needs the value waits and asks again.
    """

    def open(self, version: SecretVersion) -> Held:
        """The value: of the live version the store's newest. Raises ``SecretUnusable`` where the store has none."""

    def put(self, version: SecretVersion, fields: Mapping[str, str]) -> None:
        """Keep a value and fill in the version's columns; the caller saves the row. Raises ``StoreReadOnly``."""

    def wipe(self, slug: str, refs: list[str]) -> None:
        """Destroy values for good; doing it twice changes nothing."""

    def check(self) -> str:
        """Try everything that using the store needs; a sentence about what was found. Raises ``BackendUnavailable``."""
