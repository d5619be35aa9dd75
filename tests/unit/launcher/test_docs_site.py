"""What the theme writes into pages is moved to where the policy of the pages allows it."""

from pathlib import Path

import pytest

from ipaas.launcher.docs_site import adopt_style_sheets, move_scripts_to_files
from ipaas.launcher.errors import LauncherError

STYLES = 'let o=n.attachShadow({mode:"open"});o.appendChild(C("style",{},Tc.toString()));go()'


def test_scripts_become_files_shared_by_pages_and_data_stays(tmp_path: Path) -> None:
    data = '<script id="__config" type="application/json">{"base": "."}</script>'
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for page in (tmp_path / "index.html", tmp_path / "deep" / "er" / "index.html"):
        page.write_text(f"<head><script>let a=1</script></head>{data}<script src='b.js'></script>")

    move_scripts_to_files(tmp_path)

    (file,) = (tmp_path / "assets" / "inline").iterdir()
    assert file.read_text() == "let a=1"
    for page, up in ((tmp_path / "index.html", ""), (tmp_path / "deep" / "er" / "index.html", "../../")):
        text = page.read_text()
        assert f'<script src="{up}assets/inline/{file.name}"></script>' in text
        assert data in text
        assert "let a=1" not in text


def test_the_search_box_adopts_its_styles(tmp_path: Path) -> None:
    bundle = tmp_path / "assets" / "javascripts" / "bundle.1.min.js"
    bundle.parent.mkdir(parents=True)
    bundle.write_text(STYLES)

    adopt_style_sheets(tmp_path)

    text = bundle.read_text()
    assert "o.adoptedStyleSheets=[(s=>(s.replaceSync(Tc.toString()),s))(new CSSStyleSheet)];go()" in text


@pytest.mark.parametrize("text", ["go()", STYLES + STYLES])
def test_a_theme_that_writes_otherwise_is_not_taken(tmp_path: Path, text: str) -> None:
    bundle = tmp_path / "assets" / "javascripts" / "bundle.1.min.js"
    bundle.parent.mkdir(parents=True)
    bundle.write_text(text)

    with pytest.raises(LauncherError, match=r"bundle\.1\.min\.js"):
        adopt_style_sheets(tmp_path)
