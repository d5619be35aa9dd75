"""What the frame around the pages is given: the command palette and the keyboard map. See ``readmodels``."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Jump:
    """An offer of the command palette: an address to open, or (with ``field``) to send ``value`` to."""

    label: str
    url: str
    icon: str
    note: str = ""
    field: str = ""
    value: str = ""


@dataclass(frozen=True)
class JumpGroup:
    label: str
    items: Sequence[Jump]


@dataclass(frozen=True)
class Key:
    """Keys to press, one after or with the other, and what they do."""

    keys: Sequence[str]
    label: str


@dataclass(frozen=True)
class KeyGroup:
    label: str
    items: Sequence[Key]
