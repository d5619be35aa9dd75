"""References between documents: ``slug`` or ``slug@version``."""


def split_reference(reference: str) -> tuple[str, int | None]:
    """``order-created@3`` as slug and number; the number is None where none is given."""
    slug, _, number = reference.partition("@")
    return slug, int(number) if number else None


def reference_to(slug: str, number: int) -> str:
    return f"{slug}@{number}"
