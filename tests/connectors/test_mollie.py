"""The generated suite for the connector mollie."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "mollie"


class TestMollie(ConnectorSuite):
    folder = FOLDER
