"""The connectors for files: in a folder of this machine and on a real SFTP server."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from ipaas.core.errors import ErrorClass
from ipaas.sdk.connector import Connector
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io

CONNECTORS = Path(__file__).resolve().parents[3] / "connectors"
LOCAL, SFTP = load_folder(CONNECTORS / "files"), load_folder(CONNECTORS / "sftp")
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
USER_KEY = asyncssh.generate_private_key("ssh-ed25519")
QUIET = {"poll_folder": "in", "poll_pattern": "*.csv", "poll_quiet_s": 0}


class Server(asyncssh.SSHServer):
    """Knows one user, by password or key."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("flow", "flow-pw")

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.public_data == USER_KEY.public_data


@asynccontextmanager
async def serving(root: Path) -> AsyncIterator[int]:
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[HOST_KEY],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(root)),
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def place(kind: str, root: Path) -> AsyncIterator[tuple[Connector, Io]]:
    """A connector with an empty folder behind it."""
    (root / "acme" / "in").mkdir(parents=True)
    if kind == "files":
        yield LOCAL, Io(LOCAL.with_config_defaults(QUIET), files=root / "acme")
        return
    async with serving(root / "acme") as port:
        public = HOST_KEY.export_public_key().decode()
        config = SFTP.with_config_defaults({**QUIET, "host": "127.0.0.1", "port": port, "host_key": public})
        yield SFTP, Io(config, {"username": "flow", "password": "flow-pw"})


both = pytest.mark.parametrize("kind", ["files", "sftp"])


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def call(where: tuple[Connector, Io], action: str, **params: Any) -> Any:
    return (await where[0].execute(action, params, where[1])).data


async def refused(where: tuple[Connector, Io], action: str, **params: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await call(where, action, **params)
    assert "flow-pw" not in str(caught.value)
    return caught.value


@both
async def test_files_are_written_read_moved_and_deleted_and_repetitions_change_nothing(
    kind: str, tmp_path: Path
) -> None:
    async with place(kind, tmp_path) as where:
        write = {"path": "out/a.txt", "content": "Grüße"}
        first, again = await call(where, "write_file", **write), await call(where, "write_file", **write)
        assert (first["repeated"], again["repeated"], first["size"]) == (False, True, 7)
        other = await refused(where, "write_file", path="out/a.txt", content="other")
        assert (other.error_class, other.vendor_code) == (ErrorClass.CONFLICT, "file_exists")
        await call(where, "write_file", path="out/a.txt", content="b3RoZXI=", overwrite=True, **{"as": "base64"})
        assert (await call(where, "read_file", path="out/a.txt"))["content"] == "other"
        for expected in (False, True):
            moved = await call(where, "move_file", path="out/a.txt", to="done/b.txt")
            assert moved == {"path": "done/b.txt", "repeated": expected}
        listed = await call(where, "list_files", folder="done")
        assert [one["path"] for one in listed["files"]] == ["done/b.txt"]
        for expected in (True, False):
            assert (await call(where, "delete_file", path="done/b.txt"))["deleted"] is expected
        missing = await refused(where, "move_file", path="none", to="done/c")
        assert missing.error_class is ErrorClass.NOT_FOUND
        assert (await refused(where, "read_file", path="none")).error_class is ErrorClass.NOT_FOUND
        assert files_in(tmp_path) == []


@both
@pytest.mark.parametrize("kind_of_file", ["csv", "jsonl", "xml", "excel", "parquet"])
async def test_rows_are_written_and_read_in_parts(kind: str, kind_of_file: str, tmp_path: Path) -> None:
    async with place(kind, tmp_path) as where:
        rows = [{"number": f"FH-{number}"} for number in range(5)]
        assert (await call(where, "write_rows", path="r", format=kind_of_file, rows=rows))["count"] == 5
        seen, offset = [], 0
        while offset is not None:
            part = await call(where, "read_rows", path="r", format=kind_of_file, offset=offset, max_rows=2)
            seen += part["rows"]
            offset = part["next"]
        assert seen == rows


@both
async def test_a_poll_gives_new_and_changed_files_once(kind: str, tmp_path: Path) -> None:
    async with place(kind, tmp_path) as where:
        connector, io = where
        folder = tmp_path / "acme" / "in"
        for name in ("b.csv", "a.csv", "c.txt", ".hidden.csv", "d.csv.part"):
            (folder / name).write_text("x")
        os.utime(folder / "b.csv", (1_700_000_000, 1_700_000_000))
        first = await connector.poll("new_files", None, io)
        assert [item.data["path"] for item in first.items] == ["in/b.csv", "in/a.csv"]
        (folder / "a.csv").write_text("changed")
        (folder / "old.csv").write_text("x")
        os.utime(folder / "old.csv", (1_600_000_000, 1_600_000_000))
        (folder / "b.csv").unlink()
        second = await connector.poll("new_files", first.cursor, io)
        assert [item.data["path"] for item in second.items] == ["in/old.csv", "in/a.csv"]
        assert (await connector.poll("new_files", second.cursor, io)).items == []
        assert set(second.cursor) == {"in/a.csv", "in/old.csv"}
        io.config["poll_quiet_s"] = 3600
        assert [item.data["name"] for item in (await connector.poll("new_files", None, io)).items] == ["old.csv"]


@both
@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a//b", "a/./b", "a\\..\\b", "a\0b", "in/../../x", "x" * 300, "in/"]
)
async def test_no_path_leads_out_of_the_folder(kind: str, path: str, tmp_path: Path) -> None:
    async with place(kind, tmp_path) as where:
        for action, params in (
            ("read_file", {"path": path}),
            ("write_file", {"path": path, "content": "x"}),
            ("move_file", {"path": "in/a", "to": path}),
            ("delete_file", {"path": path}),
        ):
            assert (await refused(where, action, **params)).error_class is ErrorClass.CONTRACT_VIOLATION
        assert files_in(tmp_path) == []


async def test_no_symbolic_link_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    async with place("files", tmp_path) as where:
        root = tmp_path / "acme"
        (root / "link.txt").symlink_to(secret)
        (root / "up").symlink_to(tmp_path)
        for action, params in (
            ("read_file", {"path": "link.txt"}),
            ("read_file", {"path": "up/secret.txt"}),
            ("list_files", {"folder": "up"}),
            ("write_file", {"path": "up/new.txt", "content": "x"}),
            ("move_file", {"path": "link.txt", "to": "in/a"}),
            ("delete_file", {"path": "up/secret.txt"}),
        ):
            error = await refused(where, action, **params)
            assert error.error_class is ErrorClass.CONTRACT_VIOLATION, action
            assert str(tmp_path) not in error.message
        assert (await call(where, "list_files"))["files"] == []
        await call(where, "write_file", path="link.txt", content="x", overwrite=True)
        assert (secret.read_text(), (root / "link.txt").is_symlink()) == ("canary", False)


async def test_a_missing_folder_is_told_to_the_operator(tmp_path: Path) -> None:
    error = await refused((LOCAL, Io(LOCAL.with_config_defaults({}), files=tmp_path / "none")), "list_files")
    assert error.error_class is ErrorClass.CONFIGURATION


async def test_sftp_signs_in_by_key_and_refuses_another_host_key(tmp_path: Path) -> None:
    async with place("sftp", tmp_path) as (connector, io):
        key = USER_KEY.export_private_key("openssh", passphrase="word", rounds=1, ignore_few_rounds=True).decode()
        secrets = {"username": "flow", "private_key": key, "passphrase": "word"}
        assert (await call((connector, Io(io.config, secrets)), "list_files"))["files"] == []
        wrong = await refused((connector, Io(io.config, {**secrets, "passphrase": "no"})), "list_files")
        assert wrong.vendor_code == "sftp_private_key"
        denied = await refused((connector, Io(io.config, {"username": "flow", "password": "no"})), "list_files")
        assert (denied.error_class, denied.sent) == (ErrorClass.AUTH, False)
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        strange = await refused((connector, Io({**io.config, "host_key": other}, io.secrets)), "list_files")
        assert strange.vendor_code == "sftp_host_key"
        unread = await refused(
            (connector, Io({**io.config, "host_key": "ssh-rsa nonsense!!"}, io.secrets)), "list_files"
        )
        assert unread.vendor_code == "sftp_host_key_form"
