"""Documents of the demo, in the order in which they are published."""

from importlib.resources import files

ORDER_DOCUMENTS = (
    "order-created",
    "orders-from-storefront",
    "order-canonical",
    "order-warehouse-row",
    "order-to-shipment",
)
GLOSSARY_DOCUMENTS = (
    "order-number",
    "sku",
    "naming-fields",
    "naming-documents",
    "dates-have-a-format",
    "money-has-a-currency",
    "somebody-answers",
    "sensitive-is-marked",
    "words-of-the-glossary",
)
"""Terms, and a set of conventions to begin with: they warn."""


def example_text(name: str) -> str:
    """The YAML of an example document."""
    return files("ipaas.flows.examples").joinpath(f"{name}.yaml").read_text("utf-8")
