"""Credentials that a vendor reads from the body: put in at their places when the request goes out, and not before.

A place is a dotted path: a member of JSON (``params.args.1``; what lists lack is filled up with null), the field of a
form (``auth.key`` is sent as ``auth[key]``), a part of multipart, or an element of XML with its prefix (``@name`` for
an attribute). What a request brings along in such a place gives way.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree
from xml.parsers import expat

from ipaas.core.jsonio import JsonInvalid, dumps, loads
from ipaas.sdk.bodies import form_pairs, part_of, scalar_text
from ipaas.sdk.credential_fields import CredentialUnusable, checked_field
from ipaas.sdk.manifest import AuthScheme
from ipaas.sdk.paths import MISSING, read_path, with_path
from ipaas.sdk.requests import BuiltRequest
from ipaas.sdk.tokens import filled

_FORM = "application/x-www-form-urlencoded"
_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_UNFIT_FOR_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class NoPlace(ValueError):
    """Why a body can not take a credential in; holds nothing of either."""


def body_with_credential(scheme: AuthScheme, fields: Mapping[str, str], request: BuiltRequest) -> bytes:
    """The body that really goes out. Raises CredentialUnusable, which quotes nothing."""
    for field in scheme.fields:
        if not field.optional:
            checked_field(scheme, fields, field.name, header=False)
    places = {path: filled(scheme, template, {"secret": dict(fields)}) for path, template in scheme.send_body.items()}
    try:
        return placed(request.headers.get("content-type", ""), request.body, places)
    except NoPlace as error:
        raise CredentialUnusable(scheme=scheme.name, reason=str(error)) from None


def placed(content_type: str, body: bytes, places: Mapping[str, Any]) -> bytes:
    """The body with a value in each place; how it is written is told by its content type.

    Raises NoPlace where there is no body, or none that has places.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if any(scalar_text(leaf) is None for leaf in places.values()):
        raise NoPlace("a template of the manifest gives no text or number")
    if not body:
        raise NoPlace("the request has no body, and the credential goes there")
    if kind.endswith(("/json", "+json")):
        return _in_json(body, places)
    if kind == _FORM:
        return _in_form(body, places)
    if kind == "multipart/form-data":
        return _in_multipart(content_type, body, places)
    if kind.endswith(("/xml", "+xml")):
        return _in_xml(body, places)
    raise NoPlace(f"a body of the type {kind or 'unknown'} has no place for the credential")


def came_along(content_type: str, value: Any, places: Mapping[str, Any]) -> bool:
    """Whether a body that a stand-in read has something in every place."""
    return all(read_path(value, path) not in (MISSING, None, "") for path in _as_read(content_type, places))


def blanked(content_type: str, value: Any, places: Mapping[str, Any]) -> Any:
    """A body that a stand-in read, with null in every place."""
    for path in _as_read(content_type, places):
        if isinstance(value, dict) and read_path(value, path) is not MISSING:
            value = with_path(value, path, None)
    return value


def _as_read(content_type: str, places: Mapping[str, Any]) -> list[str]:
    """The places as they are named once read: a form is flat, XML has lost its prefixes."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        return [name for path in places for name, _ in form_pairs(with_path({}, path, ""))]
    if kind.endswith(("/xml", "+xml")):
        return [re.sub(r"[^.@]*:", "", path) for path in places]
    return list(places)


def _in_json(body: bytes, places: Mapping[str, Any]) -> bytes:
    try:
        value = loads(body)
    except JsonInvalid:
        value = None
    if not isinstance(value, dict):
        raise NoPlace("the body is no JSON object, and the credential goes into one")
    for path, leaf in places.items():
        value = with_path(value, path, leaf)
    return dumps(value)


def _in_form(body: bytes, places: Mapping[str, Any]) -> bytes:
    tree: dict[str, Any] = {}
    for path, leaf in places.items():
        tree = with_path(tree, path, leaf)
    added = form_pairs(tree)
    names = {name for name, _ in added}
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return urlencode([*(pair for pair in pairs if pair[0] not in names), *added]).encode()


def _in_multipart(content_type: str, body: bytes, places: Mapping[str, Any]) -> bytes:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise NoPlace("the multipart body tells no boundary")
    return b"".join(part_of(boundary[1], path, leaf) for path, leaf in places.items()) + body


def _in_xml(body: bytes, places: Mapping[str, Any]) -> bytes:
    root = _elements(body)
    for path, leaf in places.items():
        text = str(scalar_text(leaf))
        if _UNFIT_FOR_XML.search(text):
            raise NoPlace(f"the credential can not stand in XML at {path}")
        names = path.split(".")
        if names[0] != root.tag:
            raise NoPlace(f"the body has no root {names[0]}")
        _put_element(root, names[1:], text)
    written: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written.replace(b"\r", b"&#13;")


def _put_element(element: ElementTree.Element, names: list[str], text: str) -> None:
    for name in names:
        if name.startswith("@"):
            element.set(name[1:], text)
            return
        found = next((child for child in element if child.tag == name), None)
        element = ElementTree.SubElement(element, name) if found is None else found
    for child in list(element):
        element.remove(child)
    element.text = text


def _elements(body: bytes) -> ElementTree.Element:
    """The document with its prefixes as they are written; a document type is refused, and with it every entity."""
    builder, parser = ElementTree.TreeBuilder(), expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise NoPlace("the body is no XML, and the credential goes into it") from None
    return builder.close()


def _refuse(*_: Any) -> None:
    raise NoPlace("the body has a document type")
