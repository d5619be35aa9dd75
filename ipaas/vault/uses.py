"""What uses a secret, as the packages above the vault tell it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class SecretUse:
    """``kind`` is connection, endpoint or webhook; ``environment`` is a slug, or empty for what belongs to none."""

    kind: str
    slug: str
    environment: str = ""

    @property
    def label(self) -> str:
        return f"{self.kind} {self.slug}" + (f" ({self.environment})" if self.environment else "")
