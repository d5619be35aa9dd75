"""The generated suite for the connector postgres."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "postgres"


class TestPostgres(ConnectorSuite):
    folder = FOLDER
    stubbed = False
