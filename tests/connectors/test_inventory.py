"""The generated suite for the connector inventory."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "inventory"


class TestInventory(ConnectorSuite):
    folder = FOLDER
