"""The generated suite for the connector shipping."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "shipping"


class TestShipping(ConnectorSuite):
    folder = FOLDER
