"""The message catalogs: gathered from the marked words of pages and code, merged into the languages' files.

Development only: Babel is not among the packages that the product runs with.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from ipaas.config import ROOT
from ipaas.flows.lint import LINT_RULES
from ipaas.policies.schema import CONNECTION_SCHEMA, policy_leaves

LOCALE = ROOT / "locale"
KEYWORDS = {
    "_": None, "said": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "ngettext": (1, 2),
    "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
WIDTH = 110
_OTHER_DOORS = {"cli", "ingress", "launcher", "sdk"}
_SHOWN_ALL_THE_SAME = (ROOT / "ipaas/sdk/signatures", ROOT / "ipaas/sdk/handshakes.py")
"""Refusals that the pages of endpoints show."""
_PLAIN = re.compile(r"\{\w+(?:![rs])?(?::[^{}]*)?\}")


def po_files() -> dict[str, Path]:
    """Language → its catalog."""
    return {path.parent.parent.name: path for path in sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))}


def gathered() -> Catalog:
    """Every marked message of the product, with the files that say it."""
    found = Catalog()
    for name, text, context in _messages():
        found.add(text, locations=[(name, 0)], context=context)
    return found


def _messages() -> Iterator[tuple[str, str | tuple[str, ...], str | None]]:
    for path in _files("ipaas", ".py"):
        yield from _marked(path, path.read_text())
    for path in (*_files("templates", ".html"), *_files("templates", ".txt")):
        lines = templatize(path.read_text()).splitlines()
        yield from _marked(path, "\n".join(line.lstrip() for line in lines))  # its indentation is not Python's
    for name, text in (*_error_words(), *_policy_words(), *_lint_words()):
        yield name, text, None


def _files(folder: str, suffix: str) -> Iterable[Path]:
    return sorted((ROOT / folder).rglob(f"*{suffix}"))


def _marked(path: Path, python: str) -> Iterator[tuple[str, str | tuple[str, ...], str | None]]:
    if not any(f"{word}(" in python for word in KEYWORDS):
        return
    for _line, text, _comments, context in extract("python", BytesIO(python.encode()), keywords=KEYWORDS):
        yield str(path.relative_to(ROOT)), text, context


def _error_words() -> Iterator[tuple[str, str]]:
    """Titles, sentences and remedies of the errors that pages can show: they are marked by being an error's."""
    for path, node in _errors():
        texts = [" ".join((ast.get_docstring(node) or "").split("\n\n")[0].split()), *_constants(node)]
        yield from ((str(path.relative_to(ROOT)), text) for text in texts if _PLAIN.sub("", text).strip(" .:"))


def _policy_words() -> Iterator[tuple[str, str]]:
    """What the settings of a policy are for, which forms and lists show; the schema itself knows no languages."""
    nodes = [*CONNECTION_SCHEMA["properties"].values(), *(node for _path, node in policy_leaves())]
    yield from (("ipaas/policies/schema.py", node["description"]) for node in nodes)


def _lint_words() -> Iterator[tuple[str, str]]:
    """Why a rule of the linter stands, which pages show below its findings."""
    yield from (("ipaas/flows/lint.py", rule.doc) for rule in LINT_RULES.values())


def _errors() -> list[tuple[Path, ast.ClassDef]]:
    """The classes of errors in the code, by the names of their bases."""
    classes = [
        (path, node)
        for path in _files("ipaas", ".py")
        if path.relative_to(ROOT).parts[1] not in _OTHER_DOORS or any(map(path.is_relative_to, _SHOWN_ALL_THE_SAME))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    known, before = {"IpaasError"}, 0
    while len(known) > before:
        before = len(known)
        known |= {node.name for _path, node in classes if known & _bases(node)}
    return [(path, node) for path, node in classes if node.name == "IpaasError" or known & _bases(node)]


def _bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).split(".")[-1] for base in node.bases}


def _constants(node: ast.ClassDef) -> Iterator[str]:
    """What is assigned to ``title`` and ``remedy`` in the body of a class."""
    for line in node.body:
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        value = line.value if isinstance(line, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id in ("title", "remedy") and isinstance(value, ast.Constant):
            yield str(value.value)


def merged(path: Path, template: Catalog) -> bytes:
    """The catalog of a language with the messages of today: new ones are empty, those that nobody says are gone."""
    head = path.read_bytes().partition(b"\n\n")[0]
    present = read(path)
    present.update(template, no_fuzzy_matching=True)
    out = BytesIO()
    write_po(out, present, width=WIDTH, include_lineno=False, sort_by_file=True, ignore_obsolete=True, omit_header=True)
    return head + b"\n\n" + out.getvalue().strip() + b"\n"


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain="django")


def faults(path: Path, template: Catalog) -> list[str]:
    """What keeps a catalog from being whole: one line each; none of a whole one."""
    found = [] if merged(path, template) == path.read_bytes() else ["is not what `manage.py messages` writes"]
    for message in read(path):
        if message.id:
            found += [f"{_short(message)}: {fault}" for fault in _faults_of(message)]
    return found


def _faults_of(message: Message) -> Iterator[str]:
    strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
    if not strings or not all(strings):
        yield "is not translated"
        return
    if message.fuzzy:
        yield "is marked as fuzzy"
    yield from (str(error) for error in message.check())
    ids = [message.id] if isinstance(message.id, str) else list(message.id)
    named = set(_PLAIN.findall(" ".join(ids)))
    for text in strings:
        if not named.issuperset(_PLAIN.findall(text)) or (len(ids) == 1 and named != set(_PLAIN.findall(text))):
            yield "has other placeholders in braces"
        if text[:1].isspace() != ids[-1][:1].isspace() or text[-1:].isspace() != ids[-1][-1:].isspace():
            yield "begins or ends with other blanks"


def _short(message: Message) -> str:
    first = message.id if isinstance(message.id, str) else message.id[0]
    return repr(first[:60])
