"""The generated suite for the connector bigquery."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "bigquery"


class TestBigquery(ConnectorSuite):
    folder = FOLDER
