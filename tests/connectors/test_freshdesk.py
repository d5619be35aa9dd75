"""The generated suite for the connector freshdesk."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "freshdesk"


class TestFreshdesk(ConnectorSuite):
    folder = FOLDER
