"""Inputs turned into outputs by a published mapping, by API."""

from base64 import b64encode
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core import yamlio
from ipaas.core.actor import SYSTEM
from ipaas.governance import services as governance
from tests.factories.flow_documents import mapping
from tests.integration.api.conftest import Api

CSV = {"format": "csv", "encoding": "cp1252", "records": True}


@pytest.fixture
def rows(acme: Workspace) -> None:
    for output in ({"format": "json", "lines": True}, {"format": "xlsx"}):
        content = mapping(slug="rows", input=CSV, output=output, fields={"id": "source.id", "n": "number(source.n)"})
        governance.apply_document(text=yamlio.dump(content), workspace=acme, actor=SYSTEM)  # its order of keys is kept


@pytest.mark.usefixtures("rows")
def test_an_input_becomes_an_output(alice: Api) -> None:
    made = alice.post("mappings/rows/convert", {"content": "id,n\nä,1\nb,2\n", "version": 1}).json()
    assert made == {
        "content": '{"id":"ä","n":1}\n{"id":"b","n":2}\n',
        "base64": False,
        "media_type": "application/json",
        "records": 2,
        "version": 1,
    }
    file = b64encode("id,n\nä,1\n".encode("cp1252")).decode()
    sheet = alice.post("mappings/rows/convert", {"content": file, "base64": True}).json()
    assert (sheet["base64"], sheet["version"], sheet["content"][:4]) == (True, 2, "UEsD")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"content": "id,n\nb,x\n"}, 422, "mapping.record"),
        ({"content": "id,n\nb,1,2\n"}, 422, "mapping.format"),
        ({"content": "\u4e2d"}, 422, "invalid_input"),
        ({"content": "?", "base64": True}, 422, "invalid_input"),
        ({"content": "", "version": 9}, 404, "not_found"),
        ({"content": "", "other": 1}, 422, "invalid_input"),
    ],
)
def test_what_can_not_be_converted_is_told(alice: Api, given: dict[str, Any], status: int, code: str) -> None:
    answer = alice.post("mappings/rows/convert", given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
