"""The generated suite for the connector vtex."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "vtex"


class TestVtex(ConnectorSuite):
    folder = FOLDER
