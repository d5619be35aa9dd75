"""The generated suite for the connector pipedrive."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "pipedrive"


class TestPipedrive(ConnectorSuite):
    folder = FOLDER
