"""The generated suite for the connector zendesk."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "zendesk"


class TestZendesk(ConnectorSuite):
    folder = FOLDER
