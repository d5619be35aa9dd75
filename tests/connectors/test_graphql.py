"""The generated suite for the connector graphql."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "graphql"


class TestGraphql(ConnectorSuite):
    folder = FOLDER
