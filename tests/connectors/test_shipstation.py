"""The generated suite for the connector shipstation."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "shipstation"


class TestShipstation(ConnectorSuite):
    folder = FOLDER
