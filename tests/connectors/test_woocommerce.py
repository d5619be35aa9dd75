"""The generated suite for the connector woocommerce."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "woocommerce"


class TestWoocommerce(ConnectorSuite):
    folder = FOLDER
