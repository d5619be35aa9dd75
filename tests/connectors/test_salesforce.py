"""The generated suite for the connector salesforce."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "salesforce"


class TestSalesforce(ConnectorSuite):
    folder = FOLDER
