"""The generated suite for the connector storefront."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "storefront"


class TestStorefront(ConnectorSuite):
    folder = FOLDER
