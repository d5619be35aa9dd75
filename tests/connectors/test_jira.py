"""The generated suite for the connector jira."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "jira"


class TestJira(ConnectorSuite):
    folder = FOLDER
