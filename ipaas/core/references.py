"""References between documents: ``slug`` or ``slug@version``."""

from typing import Any


def split_reference(reference: str) -> tuple[str, int | None]:
    """``order-created@3`` as slug and number; the number is None where none is given."""
    slug, _, number = reference.partition("@")
    return slug, int(number) if number else None


def reference_to(slug: str, number: int) -> str:
    return f"{slug}@{number}"


def same_but_for_pins(settled: Any, written: Any) -> bool:
    """Whether a settled content says what was written, where that names no versions (``address@3`` for ``address``)."""
    if isinstance(settled, dict) and isinstance(written, dict):
        return settled.keys() == written.keys() and all(
            same_but_for_pins(settled[key], written[key]) for key in settled
        )
    if isinstance(settled, list) and isinstance(written, list):
        return len(settled) == len(written) and all(map(same_but_for_pins, settled, written))
    return settled == written or is_pin_of(settled, written)


def is_pin_of(settled: Any, written: Any) -> bool:
    """Whether a text is a reference with the version that another one leaves open."""
    if not isinstance(settled, str) or not isinstance(written, str):
        return False
    name, mark, fragment = written.partition("#")
    return "@" not in name and settled.startswith(f"{name}@") and settled.endswith(f"{mark}{fragment}")
