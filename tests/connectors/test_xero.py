"""The generated suite for the connector xero."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "xero"


class TestXero(ConnectorSuite):
    folder = FOLDER
