"""A setting that can not be used ends the process with its name and what is wrong, not with a traceback."""

import pytest

from ipaas.config import settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("IPAAS_CONNECTOR_FOLDERS", "/srv/own", "not JSON"),
        ("IPAAS_PORT", "99999", "65535"),
        ("IPAAS_MAIL_URL", "imap://x", "begins with smtp"),
        ("IPAAS_OIDC_ISSUER", "http://id.example", "https address"),
    ],
)
def test_it_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        settings.__wrapped__()
    assert str(ended.value).startswith(f"{name}: ")
    assert words in str(ended.value)
    assert value not in str(ended.value) or name == "IPAAS_PORT"
