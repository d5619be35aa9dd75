"""Documents of the demo, in the order in which they are published."""

from importlib.resources import files

ORDER_DOCUMENTS = (
    "order-created",
    "orders-from-storefront",
    "order-canonical",
    "order-warehouse-row",
    "order-to-shipment",
)


def example_text(name: str) -> str:
    """The YAML of an example document."""
    return files("ipaas.flows.examples").joinpath(f"{name}.yaml").read_text("utf-8")
