"""The generated suite for the connector quickbooks."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "quickbooks"


class TestQuickbooks(ConnectorSuite):
    folder = FOLDER
