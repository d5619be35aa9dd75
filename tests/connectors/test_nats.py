"""The generated suite for the connector nats."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "nats"


class TestNats(ConnectorSuite):
    folder = FOLDER
    stubbed = False
