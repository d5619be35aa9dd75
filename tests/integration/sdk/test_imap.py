"""The mailbox connector against a real Dovecot (Debian's dovecot-imapd)."""

import getpass
import imaplib
import os
import shutil
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io
from tests.integration.sdk.servers import free_port, running

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "imap")
pytestmark = pytest.mark.skipif(
    shutil.which("dovecot") is None or os.getuid() != 0, reason="needs dovecot-imapd and root"
)
CONFIG = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 0
mail_uid = nobody
mail_gid = nogroup
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
passdb {{
  driver = static
  args = password=flow-pw
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with TemporaryDirectory(prefix="imap") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "mail").mkdir()
        shutil.chown(Path(folder) / "mail", "nobody", "nogroup")
        found = free_port()
        config = Path(folder) / "dovecot.conf"
        config.write_text(CONFIG.format(folder=folder, port=found, user=getpass.getuser()))
        with running(["dovecot", "-F", "-c", str(config)], says=b"starting up"):
            yield found


@pytest.fixture
def box(port: int, request: pytest.FixtureRequest) -> Iterator[tuple[Io, imaplib.IMAP4]]:
    """A mailbox of the test's own and a client of its owner."""
    user = f"u{abs(hash(request.node.name))}"
    config = CONNECTOR.with_config_defaults({"host": "127.0.0.1", "port": port, "security": "none"})
    with imaplib.IMAP4("127.0.0.1", port) as owner:
        owner.login(user, "flow-pw")
        owner.create("Done")
        yield Io(config, {"username": user, "password": "flow-pw"}), owner


def put(owner: imaplib.IMAP4, subject: str, *, seen: bool = False, folder: str = "INBOX", **more: Any) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Änne <anne@shop.example>", "b@shop.example, c@shop.example", subject
    mail["Message-ID"], mail["Date"] = f"<{subject}@shop.example>", "Mon, 05 Jan 2026 08:00:00 +0000"
    mail.set_content(more.get("text", "Grüße"))
    if "file" in more:
        mail.add_attachment(more["file"], maintype="application", subtype="pdf", filename="Rechnung.pdf")
    assert owner.append(folder, "(\\Seen)" if seen else "", "", mail.as_bytes())[0] == "OK"  # type: ignore[arg-type]


async def call(io: Io, action: str, **params: Any) -> Any:
    return (await CONNECTOR.execute(action, params, io)).data


async def test_mails_are_given_once_and_stay_unread(box: tuple[Io, imaplib.IMAP4]) -> None:
    io, owner = box
    put(owner, "one", file=b"%PDF")
    put(owner, "read", seen=True)
    put(owner, "two")
    page = await CONNECTOR.poll("new_mails", None, io)
    assert [item.key for item in page.items] == ["<one@shop.example>", "<two@shop.example>"]
    mail = page.items[0].data["mail"]
    assert (mail["subject"], mail["text"].strip(), mail["date"]) == ("one", "Grüße", "2026-01-05T08:00:00+00:00")
    assert mail["from"] == [{"name": "Änne", "address": "anne@shop.example"}]
    assert [one["address"] for one in mail["to"]] == ["b@shop.example", "c@shop.example"]
    assert [(one["name"], one["size"], one["content"]) for one in mail["attachments"]] == [("Rechnung.pdf", 4, None)]
    whole = await call(io, "read_mail", uid=mail["uid"], validity=mail["validity"])
    assert whole["attachments"][0]["content"] == "JVBERg=="
    put(owner, "three")
    second = await CONNECTOR.poll("new_mails", page.cursor, io)
    assert [item.data["mail"]["subject"] for item in second.items] == ["three"]
    assert (await CONNECTOR.poll("new_mails", second.cursor, io)).items == []
    parts = await call(io, "poll_mails", only_unseen=False, limit=3)
    assert (len(parts["items"]), parts["more"]) == (3, True)


async def test_another_validity_reads_from_the_start_with_the_same_keys(box: tuple[Io, imaplib.IMAP4]) -> None:
    io, owner = box
    put(owner, "one")
    page = await CONNECTOR.poll("new_mails", None, io)
    stale = {**page.cursor, "validity": 1}
    again = await CONNECTOR.poll("new_mails", stale, io)
    assert [item.key for item in again.items] == [item.key for item in page.items]
    mail = page.items[0].data["mail"]
    with pytest.raises(ActionError) as caught:
        await call(io, "move_mail", uid=mail["uid"], validity=1, to="Done")
    assert (caught.value.error_class, caught.value.vendor_code) == (ErrorClass.CONFLICT, "imap_validity")


async def test_mails_are_moved_and_flagged_and_repetitions_change_nothing(box: tuple[Io, imaplib.IMAP4]) -> None:
    io, owner = box
    put(owner, "one")
    mail = (await CONNECTOR.poll("new_mails", None, io)).items[0].data["mail"]
    place = {"uid": mail["uid"], "validity": mail["validity"]}
    await call(io, "flag_mail", **place, add=["\\Seen", "handled"], remove=["\\Flagged"])
    assert {"\\Seen", "handled"} <= set((await call(io, "read_mail", **place))["flags"])
    for repeated in (False, True):
        assert (await call(io, "move_mail", **place, to="Done"))["repeated"] is repeated
    assert owner.select("Done")[1] == [b"1"]
    with pytest.raises(ActionError) as caught:
        await call(io, "read_mail", **place)
    assert caught.value.error_class is ErrorClass.NOT_FOUND


@pytest.mark.parametrize(
    ("secrets", "config", "code"),
    [
        ({"password": "no"}, {}, "imap_login"),
        ({}, {"folder": "None"}, "imap_folder"),
        ({"username": 'x"\r\nA1 LOGOUT'}, {}, "imap_name"),
        ({}, {"security": "starttls"}, "imap_broken"),
    ],
)
async def test_what_the_server_refuses_is_told(
    box: tuple[Io, imaplib.IMAP4], secrets: dict[str, str], config: dict[str, Any], code: str
) -> None:
    io = box[0]
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.poll("new_mails", None, Io({**io.config, **config}, {**io.secrets, **secrets}))
    assert (caught.value.vendor_code, caught.value.sent) == (code, False)
    assert "flow-pw" not in str(caught.value)
