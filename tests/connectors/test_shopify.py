"""The generated suite for the connector shopify."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "shopify"


class TestShopify(ConnectorSuite):
    folder = FOLDER
