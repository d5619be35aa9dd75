from pathlib import Path

import pytest

from ipaas.launcher import requirements

LOCK = """\
django==5.2.19 \\
    --hash=sha256:aa
    # via ipaas
typing-extensions==4.15.0 \\
    --hash=sha256:bb
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
"""


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    (tmp_path / "venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    return tmp_path / "venv"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "base.txt"
    path.write_text(LOCK)
    return path


def install(venv: Path, *folders: str) -> None:
    for folder in folders:
        (venv / "lib" / "python3.11" / "site-packages" / f"{folder}.dist-info").mkdir()


def test_lock_is_read_with_markers() -> None:
    assert requirements.parse_lock(LOCK) == {
        "django": ("5.2.19", False),
        "typing-extensions": ("4.15.0", False),
        "colorama": ("0.4.6", True),
    }


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        ((), ["django==5.2.19", "typing-extensions==4.15.0"]),
        (("django-5.2.19", "typing_extensions-4.15.0"), []),
        (("Django-5.2.19", "typing_extensions-4.15.0", "other-1.0"), []),
        (("django-5.2.18", "typing_extensions-4.15.0"), ["django==5.2.19"]),
        (("django-5.2.19", "typing_extensions-4.15.0", "colorama-0.4.5"), ["colorama==0.4.6"]),
    ],
)
def test_missing_names_what_differs(venv: Path, lock: Path, installed: tuple[str, ...], missing: list[str]) -> None:
    install(venv, *installed)

    assert requirements.missing(venv, lock) == missing


def test_record_holds_until_the_lock_changes(venv: Path, lock: Path) -> None:
    assert not requirements.is_recorded(venv, lock)
    requirements.record(venv, lock)
    assert requirements.is_recorded(venv, lock)

    lock.write_text(LOCK + "extra==1.0\n")
    assert not requirements.is_recorded(venv, lock)


def test_damaged_record_counts_as_none(venv: Path, lock: Path) -> None:
    requirements.record(venv, lock)
    (venv / "ipaas-requirements.json").write_text("[")

    assert not requirements.is_recorded(venv, lock)
