"""The generated suite for the connector http."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "http"


class TestHttp(ConnectorSuite):
    folder = FOLDER
