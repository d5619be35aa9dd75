"""Mappings in files: what their tests refer to is found among the files beside them, without a server."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ipaas.core.document_forms import read_document
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.references import reference_to, split_reference

if TYPE_CHECKING:
    from ipaas.contracts.bundling import Target

SUFFIXES = (".yaml", ".yml", ".json")
MOST_FILES = 5_000
_KIND = re.compile(rb"""^[\s{]*["']?kind["']?\s*:\s*["']?([a-z_]+)""", re.MULTILINE)
_VERSION = re.compile(r"@([1-9][0-9]{0,8})$")
_HEAD = 4_096


class NotAmongFiles(NotFound):
    """There is no {what} among these files."""

    code: ClassVar[str] = "document.no_file"
    title: ClassVar[str] = "File missing"
    remedy: ClassVar[str] = "Put its file beside them; `ipaas export` writes one folder for each kind."


@dataclass(frozen=True, slots=True)
class Document:
    """A document in a file; ``number`` is the version that the name of its file says (``vat@3.yaml``)."""

    path: Path
    kind: str
    content: dict[str, Any]
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """The documents of some files, by kind and slug."""

    documents: list[Document] = field(default_factory=list)

    def mappings(self, among: Iterable[Path]) -> list[Document]:
        wanted = set(among)
        return [one for one in self.documents if one.kind == "mapping" and one.path in wanted]

    def resolve(self, kind: str, reference: str) -> Mapping[str, Any]:
        """The content of a document, of a schema with what it refers to. Raises ``NotAmongFiles``."""
        content = self._document(kind, reference).content
        if kind != "schema":
            return content
        from ipaas.contracts.bundling import whole_of  # its words read Django's settings

        return {**content, "schema": whole_of(content, self._target)}

    def _target(self, reference: str) -> "Target | None":
        from ipaas.contracts.bundling import Target

        try:
            found = self._document("schema", reference)
        except NotFound:
            return None
        slug, number = split_reference(reference)
        return Target(reference_to(slug, found.number or number or 1), found.content)

    def _document(self, kind: str, reference: str) -> Document:
        """The file of the very version where there is one, else the file of the slug."""
        slug, number = split_reference(reference)
        found = [one for one in self.documents if one.kind == kind and one.content.get("slug") == slug]
        exact = [one for one in found if one.number == number] if number is not None else []
        newest = sorted(found, key=lambda one: (one.number is None, one.number or 0))
        if not exact and not newest:
            raise NotAmongFiles(what=f"{kind} {reference}")
        return (exact or newest)[-1]


def read_folder(paths: Iterable[Path]) -> tuple[Folder, list[Path]]:
    """The documents in and beside ``paths`` (files and folders), and the files that ``paths`` mean.

    Around a file everything below the folder above its own counts, as ``ipaas export`` writes one folder for each
    kind. Raises ``InvalidInput`` for a file that is meant and is no document; what only stands beside is passed over.
    """
    meant = list(dict.fromkeys(file for path in paths for file in _files(path)))
    around = dict.fromkeys(file for file in meant for file in _beside(file))
    documents = []
    for file in dict.fromkeys([*meant, *around]):
        try:
            found = _read(file)
        except InvalidInput:
            if file in meant:
                raise
            continue
        if found is not None:
            documents.append(found)
    return Folder(documents), meant


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one.resolve() for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
    else:
        yield path.resolve()


def _beside(file: Path) -> list[Path]:
    above = file.parent.parent if file.parent.name.endswith("s") else file.parent
    return list(_files(above))[:MOST_FILES]


def _read(file: Path) -> Document | None:
    with file.open("rb") as opened:
        head = _KIND.search(opened.read(_HEAD))
    if head is None:
        return None
    try:
        content = read_document(text=file.read_bytes()).content
    except InvalidInput as error:
        raise InvalidInput([{**one, "path": f"{file}{one.get('path', '')}"} for one in error.errors]) from None
    number = _VERSION.search(file.stem)
    return Document(file, str(content.get("kind", "")), content, int(number[1]) if number else None)
