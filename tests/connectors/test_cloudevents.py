"""The generated suite for the connector cloudevents."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "cloudevents"


class TestCloudevents(ConnectorSuite):
    folder = FOLDER
