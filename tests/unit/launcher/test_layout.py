import os
import stat
from pathlib import Path

import pytest

from ipaas.launcher import layout as layouts
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.identity import Identity, can_enter
from ipaas.launcher.layout import Layout, find_layout, open_layout


def test_place_of_the_data_is_chosen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "can_enter", lambda *_: True)
    first = open_layout(tmp_path / "home")
    monkeypatch.setattr(layouts, "can_enter", lambda *_: False)

    assert open_layout(tmp_path / "home").data == first.data == tmp_path / "home"
    assert find_layout(tmp_path / "home") == first


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the servers")
def test_home_that_others_cannot_enter_gets_its_data_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(layouts, "SYSTEM_DATA", tmp_path / "var")

    found = open_layout(closed / "home")

    assert found.data.parent == tmp_path / "var"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_permissions_of_a_home_that_was_there_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "SYSTEM_DATA", tmp_path / "var")
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o750)

    open_layout(home)

    assert stat.S_IMODE(home.stat().st_mode) == 0o750


def test_private_parts_of_the_home_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "SYSTEM_DATA", tmp_path / "var")
    found = open_layout(tmp_path / "home")

    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (found.keys, found.logs)] == [0o700, 0o700]


def test_file_in_the_way_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "home").touch()

    with pytest.raises(LauncherError, match="Set IPAAS_HOME"):
        open_layout(tmp_path / "home")


@pytest.mark.parametrize("text", ["{", "[]", '{"other": 1}', '{"data": 3}'])
def test_damaged_record_is_a_plain_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "layout.json").write_text(text)

    with pytest.raises(LauncherError, match="is damaged"):
        find_layout(tmp_path)


def test_socket_of_a_deep_home_has_a_short_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts.tempfile, "gettempdir", lambda: "/tmp")
    deep = tmp_path / ("d" * 100)
    deep.mkdir()

    folder = Layout(deep, deep, Identity()).socket_folder()
    try:
        assert len(str(folder)) <= layouts.SOCKET_PATH_MAX
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        folder.rmdir()


def test_private_folder_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(0o755)

    with pytest.raises(LauncherError, match="is not a private folder"):
        Identity().make_folder(place)


def test_link_is_not_taken_for_a_private_folder(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to(tmp_path / "target")

    with pytest.raises(LauncherError, match="is not a private folder"):
        Identity().make_folder(tmp_path / "run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another user")
def test_entering_is_tried_as_the_other_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert not can_enter(tmp_path, Identity.unprivileged())
    assert can_enter(Path("/usr"), Identity.unprivileged())
