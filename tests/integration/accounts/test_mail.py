"""The product's own mail over a real dialogue with a mail server of the test."""

import base64
import socketserver
import threading
from collections.abc import Iterator

import pytest
from django.core.mail import EmailMessage
from django.test import override_settings

from ipaas.accounts.mail import MailFailed, MailServer, mail_server
from ipaas.config import Settings, settings


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[str] = []
        self.logins: list[str] = []
        self.refuse = ""


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.say("220 mail.test ready")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            verb = line.split(" ")[0].upper()
            if verb == self.server.refuse:
                self.say("550 no such person secret-token")
            elif verb == "EHLO":
                self.say("250-mail.test\r\n250 AUTH PLAIN")
            elif verb == "AUTH":
                self.server.logins.append(base64.b64decode(line.split(" ")[2]).decode())
                self.say("235 welcome")
            elif verb == "DATA":
                self.say("354 go on")
                taken = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                self.server.mails.append("".join(taken))
                self.say("250 taken")
            else:
                self.say("250 yes")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Server]:
    with _Server() as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        url = f"smtp+plain://ipaas:p%40ss@127.0.0.1:{made.server_address[1]}"
        monkeypatch.setenv("IPAAS_MAIL_URL", url)
        settings.cache_clear()
        with override_settings(EMAIL_BACKEND="ipaas.accounts.mail.SmtpBackend"):
            yield made
        monkeypatch.undo()
        settings.cache_clear()
        made.shutdown()
        thread.join()


def mail(text: str = "Follow the link.\n.hidden\n") -> EmailMessage:
    return EmailMessage("Hello", text, "ipaas@example.org", ["dora@example.org"])


def test_a_mail_reaches_the_server(server: _Server) -> None:
    assert mail().send() == 1
    (taken,) = server.mails
    assert "Subject: Hello\r\n" in taken
    assert "\r\n..hidden\r\n" in taken
    assert server.logins == ["\0ipaas\0p@ss"]


def test_a_refusal_is_told(server: _Server) -> None:
    server.refuse = "RCPT"
    with pytest.raises(MailFailed, match="550"):
        mail().send()
    assert mail().send(fail_silently=True) == 0
    assert server.mails == []


def test_a_server_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPAAS_MAIL_URL", "smtp+plain://127.0.0.1:9")
    settings.cache_clear()
    with override_settings(EMAIL_BACKEND="ipaas.accounts.mail.SmtpBackend"), pytest.raises(MailFailed):
        mail().send()
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("url", "security", "port"),
    [
        ("smtps://mail.example", "tls", 465),
        ("smtp://u:p@mail.example", "starttls", 587),
        ("smtp+plain://mail.example:2525", "none", 2525),
    ],
)
def test_what_an_address_says(url: str, security: str, port: int) -> None:
    found = MailServer.parse(url)
    assert (found.server.security, found.server.port, found.server.host) == (security, port, "mail.example")


def test_a_bad_address_stops_the_process() -> None:
    with pytest.raises(ValueError, match="smtp://"):
        Settings(mail_url="http://mail.example")  # type: ignore[arg-type]


def test_without_an_address_there_is_no_server() -> None:
    assert mail_server() is None
