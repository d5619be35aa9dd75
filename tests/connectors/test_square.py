"""The generated suite for the connector square."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "square"


class TestSquare(ConnectorSuite):
    folder = FOLDER
