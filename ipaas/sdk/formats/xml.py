"""XML: the children of the root, or the elements of one name, as rows; or a whole document as one value."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ipaas.sdk.bodies import scalar_text
from ipaas.sdk.formats import Options, Row, columns_of, malformed, unwritable

MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Elements within one row or document, which stands in memory as a whole."""
_XML = "XML"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
PREFIXED = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class NotXml(ValueError):
    """Why a text is no XML that is read, or a value none that can be written."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value is to look like. ``lists`` are names, or ends of paths (``lines/line``), that are always lists.

    With ``prefixes`` (by the namespace's address) an element or attribute of such a namespace is named ``prefix:name``.
    """

    lists: frozenset[tuple[str, ...]] = frozenset()
    prefixes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, lists: Iterable[str], namespaces: Mapping[str, str]) -> "Shape":
        """From paths and from prefixes with their namespaces."""
        paths = frozenset(tuple(path.strip("/").split("/")) for path in lists)
        return cls(paths, {address: prefix for prefix, address in namespaces.items()})

    def name(self, tag: str) -> str:
        address, _, local = tag.rpartition("}")
        prefix = self.prefixes.get(address[1:]) if address else None
        return f"{prefix}:{local}" if prefix else local

    def is_list(self, path: tuple[str, ...]) -> bool:
        return any(path[-len(one) :] == one for one in self.lists)


_PLAIN = Shape()


def read(file: BinaryIO, options: Options) -> Iterator[Row]:
    """Attributes become ``@name``, text beside them ``#text``, repeated elements a list; namespaces are left off.

    A document type is refused, and with it every entity. What was read is forgotten.
    """
    depth, row_depth, values = 0, 0, 0
    path: list[Element] = []
    shape = Shape.of(options.lists, options.namespaces)
    try:
        for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
            if event == "start":
                depth += 1
                if depth > MAX_DEPTH:
                    raise malformed(_XML, f"it is nested deeper than {MAX_DEPTH}")
                is_row = (
                    depth == 2
                    if options.row == "row"
                    else options.row in (_local(element.tag), shape.name(element.tag))
                )
                if is_row and not row_depth:
                    row_depth, values = depth, 0
                path.append(element)
                values += 1
                if values > MAX_VALUES and row_depth:
                    raise malformed(_XML, f"a row holds more than {MAX_VALUES} elements")
                continue
            path.pop()
            if depth == row_depth:
                found = value_of(element, shape)
                yield found if isinstance(found, dict) else {"#text": found}
                row_depth = 0
            if not row_depth and path:
                path[-1].remove(element)
            depth -= 1
    except DefusedXmlException as error:
        raise malformed(_XML, "it has a document type, which is not read") from error
    except ParseError as error:
        raise malformed(_XML, f"line {error.position[0]} breaks its rules") from error
    except (ValueError, LookupError) as error:
        raise malformed(_XML, "its encoding is not known") from error


def value_of(element: Element, shape: Shape = _PLAIN, path: tuple[str, ...] = ()) -> Any:
    """An element as a value; ``path`` leads to it, with its own name at the end."""
    text = (element.text or "").strip()
    if not len(element) and not element.attrib:
        return text
    path = path or (shape.name(element.tag),)
    found: dict[str, Any] = {f"@{shape.name(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name = shape.name(child.tag)
        inner = (*path, name)
        value = value_of(child, shape, inner)
        if name not in found:
            found[name] = [value] if shape.lists and shape.is_list(inner) else value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return {**found, "#text": text} if text else found


def read_document(content: bytes, shape: Shape = _PLAIN) -> dict[str, Any]:
    """A whole document: its root's name with its value, in the shape that rows have. Raises NotXml."""
    depth, values = 0, 0
    root: Element | None = None
    try:
        for event, element in iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True):
            if event == "end":
                depth -= 1
                continue
            root = element if root is None else root
            depth, values = depth + 1, values + 1
            if depth > MAX_DEPTH or values > MAX_VALUES:
                raise NotXml(f"it has more than {MAX_VALUES} elements, or {MAX_DEPTH} inside each other")
    except NotXml:
        raise
    except DefusedXmlException as error:
        raise NotXml("it has a document type, which is not read") from error
    except ParseError as error:
        raise NotXml(f"line {error.position[0]} breaks its rules") from error
    except (ValueError, LookupError) as error:
        raise NotXml("its encoding is not known") from error
    if root is None:
        raise NotXml("it is empty")
    return {shape.name(root.tag): value_of(root, shape)}


def write_document(value: Any) -> bytes:
    """A document of an object whose one member is the root; prefixes are declared by ``@xmlns:…``. Raises NotXml."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise NotXml("it takes an object with one member, the root element")
    ((name, inner),) = value.items()
    if isinstance(inner, list):
        raise NotXml("there is one root element")
    text = element_text(name, {} if inner is None else inner, PREFIXED)
    made = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    read_document(made)  # a prefix that nobody declared, and depth
    return made


def write(rows: Sequence[Mapping[str, Any]], file: BinaryIO, options: Options) -> None:
    try:
        root, row_name = _checked(options.root), _checked(options.row)
        columns = columns_of(rows, options)
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>\n'.encode())
        for row in rows:
            chosen = {name: row[name] for name in columns if row.get(name) is not None}
            file.write(f"  {element_text(row_name, chosen)}\n".encode())
        file.write(f"</{root}>\n".encode())
    except NotXml as error:
        raise unwritable(_XML, str(error)) from error


def element_text(name: str, value: Any, names: re.Pattern[str] = _NAME) -> str:
    """An element that ``value_of`` reads back; nulls are left out. Raises NotXml."""
    name = _checked(name, names)
    if isinstance(value, list):
        return "".join(element_text(name, one, names) for one in value)
    if not isinstance(value, Mapping):
        return f"<{name}>{escape(_text(value))}</{name}>"
    attributes = "".join(
        f" {_checked(key[1:], names)}={quoteattr(_text(one))}"
        for key, one in value.items()
        if key.startswith("@") and one is not None
    )
    inner = "".join(
        element_text(key, one, names)
        for key, one in value.items()
        if not key.startswith(("@", "#")) and one is not None
    )
    return f"<{name}{attributes}>{escape(_text(value.get('#text', '')))}{inner}</{name}>"


def _text(value: Any) -> str:
    text = scalar_text(value)
    if text is None:
        raise NotXml("an attribute or text is not a text, number or boolean")
    if _FORBIDDEN.search(text):
        raise NotXml("a text holds a character that XML forbids")
    return text


def _checked(name: str, names: re.Pattern[str] = _NAME) -> str:
    if not names.fullmatch(name):
        raise NotXml(f"{name[:60]!r} is not a name of XML")
    return name


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
