"""The generated suite for the connector kafka."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "kafka"


class TestKafka(ConnectorSuite):
    folder = FOLDER
    stubbed = False
