"""The generated suite for the connector github."""

from pathlib import Path

from ipaas.sdk.testing import ConnectorSuite

FOLDER = Path(__file__).resolve().parents[2] / "connectors" / "github"


class TestGithub(ConnectorSuite):
    folder = FOLDER
