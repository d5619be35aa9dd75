"""The generated suite for the connector business-central."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "business-central"


class TestBusinessCentral(ConnectorSuite):
    folder = FOLDER
