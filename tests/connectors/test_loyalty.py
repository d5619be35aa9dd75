"""The generated suite for the connector loyalty."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "loyalty"


class TestLoyalty(ConnectorSuite):
    folder = FOLDER
