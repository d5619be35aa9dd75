import sys
from pathlib import Path

import pytest

from ipaas.launcher import bootstrap, requirements
from ipaas.launcher.errors import LauncherError


def test_interpreter_with_packages_and_no_venv_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")

    bootstrap.ensure_environment("embedded", ["manage.py", "up"])

    assert not (tmp_path / ".venv").exists()


def test_bare_interpreter_is_replaced_by_the_one_of_the_venv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    entered: list[list[str]] = []
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "has_own_packages", lambda: False)
    monkeypatch.setattr(bootstrap.os, "execve", lambda _path, argv, _env: entered.append(argv))
    monkeypatch.delenv("IPAAS_ENTERED", raising=False)
    requirements.record(tmp_path, requirements.lock_path("embedded"))

    bootstrap.ensure_environment("embedded", ["manage.py", "up"])

    assert entered == [[str(tmp_path / "bin" / "python"), "manage.py", "up"]]


def test_venv_that_leads_elsewhere_does_not_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "is_ready", lambda _lock: True)
    monkeypatch.setattr(bootstrap, "has_own_packages", lambda: False)
    monkeypatch.setenv("IPAAS_ENTERED", str(tmp_path))

    with pytest.raises(LauncherError, match="Remove it and start again"):
        bootstrap.ensure_environment("embedded", ["manage.py"])


def test_old_python_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))

    with pytest.raises(LauncherError, match=r"Python 3\.11 or newer is needed; this is 3\.9\.2"):
        bootstrap.ensure_python()


def test_script_takes_over_the_running_instance() -> None:
    compile(bootstrap.SCRIPT.format(python="/venv/bin/python", root="/srv/it's here"), "ipaas", "exec")


def test_the_script_is_written_when_it_is_missing_or_of_another_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    script = tmp_path / "bin" / "ipaas"
    for before in (None, "#!/elsewhere/python\n"):
        if before is not None:
            script.write_text(before)
        bootstrap.write_script()
        assert script.read_text().startswith(f"#!{tmp_path}/bin/python\n")
        assert script.stat().st_mode & 0o777 == 0o755
    assert [one.name for one in script.parent.iterdir()] == ["ipaas"]
