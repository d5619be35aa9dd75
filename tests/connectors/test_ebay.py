"""The generated suite for the connector ebay."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "ebay"


class TestEbay(ConnectorSuite):
    folder = FOLDER
