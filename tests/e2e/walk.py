"""Follows a page of the tutorial to the letter: types its commands, clicks what it says, looks for what it promises.

What a page may say, in the order in which it is done:

- a ``console`` block: commands after ``$``, run in a shell; what is printed must be what the page shows below. Ids,
  times and numbers of seconds may differ, and ``…`` stands for anything. A command without output on the page must
  succeed.
- ``Sign in as `someone@demo.example` ``: in a browser of its own.
- ``**Label**``: is clicked. ``**Label**: `text` ``: is filled in, chosen, or handed in as a file. ``**Label** of
  *row*``: in the row that shows it.
- ``Replace the text by that of [file](file)`` and ``change `this` to `that` ``: in the editor of the page.
- ``*words*``: must be visible then.
- a picture: may be taken anew, where the reader is now.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

PATIENCE_MS = 60_000
STEP = re.compile(
    r"^```console\n(?P<console>.*?)^```$"
    r"|^```.*?^```$"
    r"|^ *!\[[^]]*\]\((?P<picture>[^)]+)\)$|^\|.*?$|^#.*?$"
    r"|[Ss]ign in as `(?P<who>[^`]+)`"
    r"|[Rr]eplace the text by that of\s+\[[^]]*\]\((?P<file>[^)]+)\)"
    r"|[Cc]hange\s+`(?P<old>[^`]+)`\s+to\s+`(?P<new>[^`]+)`"
    r"|\*\*(?P<label>[^*]+)\*\*(?::\s+`(?P<value>[^`]*)`|\s+of\s+\*(?P<row>[^*]+)\*)?"
    r"|(?<!\*)\*(?P<seen>[^*\n]+(?:\n[^*\n]+)?)\*(?!\*)",
    re.MULTILINE | re.DOTALL,
)
LOOSE = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "<time>"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"\bipk_\w+|[A-Za-z0-9+/]{43}="), "<key>"),
    (re.compile(r"\d+(\.\d+)? (s|bytes)\b"), "<amount>"),
    (re.compile(r"<[^<>]*(@demo\.example|…)>|\b[0-9a-f]{16}([0-9a-f]{16})?\b"), "<key>"),
    (re.compile(r"(\b[A-Z]{2}|\bch_|\bmsg_)\d{8}X?\b"), "<number>"),
]
ROLES = ("button", "link", "menuitem", "checkbox", "radio", "tab")


def still(page: Page) -> Page:
    """The page without what passes: notes in the corner, the caret, and where the pointer happens to be."""
    page.mouse.move(0, 0)
    for note in page.locator(".toast-note button").all():
        note.click()
    return page


@dataclass
class Walk:
    """One reader with a shell in ``folder`` and a browser window for each person."""

    browser: Browser
    address: str
    password: str
    folder: Path
    environment: dict[str, str]
    take_pictures: bool = False
    done: list[str] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    page: Page | None = None

    def follow(self, path: Path) -> None:
        """Do everything that the page says."""
        for step in STEP.finditer(path.read_text("utf-8")):
            given = {name: " ".join(text.split()) for name, text in step.groupdict().items() if text is not None}
            if given:
                self.done.append(step.group().strip())
                self._do(step, given, path.parent)

    def _do(self, step: re.Match[str], given: dict[str, str], folder: Path) -> None:
        if step["console"] is not None:
            self._type(step["console"])
        elif "who" in given:
            self._sign_in(given["who"])
        elif "file" in given:
            self._write((folder / given["file"]).read_text("utf-8"))
        elif "old" in given:
            self._change(given["old"], given["new"])
        elif "value" in given:
            self._fill(given["label"], given["value"])
        elif "picture" in given:
            self._picture((folder / given["picture"]).resolve())
        elif "label" in given:
            self._click(given["label"], given.get("row"))
        else:
            expect(self._window.get_by_text(given["seen"]).locator("visible=true").first).to_be_visible(
                timeout=PATIENCE_MS
            )

    @property
    def _window(self) -> Page:
        assert self.page is not None, "the page has told nobody to sign in"
        return self.page

    def _sign_in(self, who: str) -> None:
        if who not in self.pages:
            context = self.browser.new_context(base_url=self.address, accept_downloads=True)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            page = self.pages[who] = context.new_page()
            page.goto("/accounts/login/")
            page.get_by_label("Email").fill(who)
            page.get_by_label("Password").fill(self.password)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/w/demo/**")
        self.page = self.pages[who]
        self.page.goto("/w/demo/")

    # -- in the browser

    @property
    def _scope(self) -> Locator:
        """The open dialog, else the page."""
        dialog = self._window.locator("dialog[open]")
        return dialog.last if dialog.count() else self._window.locator("body")

    def _named(self, scope: Locator, label: str) -> Locator:
        """What can be clicked by this name; what the page itself says goes before the navigation around it."""
        found = scope.get_by_role(ROLES[0], name=label, exact=True)
        for role in ROLES[1:]:
            found = found.or_(scope.get_by_role(role, name=label, exact=True))
        return found.or_(scope.locator("summary, label").get_by_text(label, exact=True)).locator("visible=true")

    def _click(self, label: str, row: str | None) -> None:
        scope = self._scope
        if row is not None:
            scope = scope.locator("tr").filter(has_text=row).first
        target = self._named(scope, label)
        expect(target.first).to_be_visible(timeout=PATIENCE_MS)
        inner = self._named(scope.locator("main"), label)
        chosen = (inner if inner.count() else target).first
        if chosen.get_attribute("download") is None:
            chosen.click()
            self._window.wait_for_load_state("load")
            return
        with self._window.expect_download() as coming:
            chosen.click()
        coming.value.save_as(self.folder / coming.value.suggested_filename)

    def _fill(self, label: str, value: str) -> None:
        found = self._scope.get_by_label(label).locator("visible=true").first
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        if found.evaluate("element => element.tagName") == "SELECT":
            found.select_option(label=value)
            return
        if found.get_attribute("type") == "file":
            found.set_input_files(self.folder / value)
            return
        found.fill(value)
        if found.get_attribute("type") == "search":
            found.press("Enter")

    def _picture(self, path: Path) -> None:
        assert path.exists(), f"{path} is not there"
        if self.take_pictures:
            key = self._window.locator("#shown-once")
            still(self._window).screenshot(path=path, mask=[key], mask_color="#d0d7de")

    @property
    def _editor(self) -> Locator:
        return self._scope.locator(".cm-content").locator("visible=true").first

    def _write(self, text: str) -> None:
        """Emptied first: Chromium keeps the style of text that is typed over and reports that the policy refused it."""
        self._editor.click()
        self._window.keyboard.press("ControlOrMeta+a")
        self._window.keyboard.press("Delete")
        self._window.keyboard.insert_text(text)

    def _change(self, old: str, new: str) -> None:
        text = self._editor.evaluate("element => element.closest('.cm-editor').previousElementSibling.value")
        assert text.count(old) == 1, f"{old!r} is not once in the editor"
        self._write(text.replace(old, new))

    # -- in the shell

    def _type(self, block: str) -> None:
        for command, shown in _commands(block):
            if command.startswith("python3 manage.py up"):
                continue  # what the test itself began with
            done = subprocess.run(
                ["bash", "-c", command.replace("http://127.0.0.1:8000", self.address)],
                cwd=self.folder, env=self.environment, input=self._pasted(command), capture_output=True, text=True,
                check=False, timeout=120,
            )  # fmt: skip
            printed = done.stdout + done.stderr
            right = _matches(shown, printed) if shown.strip() else done.returncode == 0
            assert right, f"$ {command}\nthe page shows:\n{shown}\nprinted was:\n{printed}"

    def _pasted(self, command: str) -> str:
        """What the reader pastes into a command that waits for it: what was copied in the browser last."""
        if not command.startswith("cat >") and "cat > " not in command:
            return ""
        return str(self._window.evaluate("navigator.clipboard.readText()")) + "\n"


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command with the output that is shown below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        while command.endswith("\\"):
            line, _, shown = shown.partition("\n")
            command = command[:-1] + line.lstrip()
        yield command, shown


def _matches(shown: str, printed: str) -> bool:
    lines = [re.escape(line).replace("…", ".*") for line in _loose(shown)]
    return re.fullmatch(r"\n".join(lines), "\n".join(_loose(printed)), re.DOTALL) is not None


def _loose(text: str) -> list[str]:
    for pattern, word in LOOSE:
        text = pattern.sub(word, text)
    return [" ".join(line.split()) for line in text.strip().splitlines()]
