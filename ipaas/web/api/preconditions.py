"""ETag and If-Match (RFC 9110) over the revision of a draft."""

import re
from typing import ClassVar, Final

from rest_framework.request import Request

from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import InvalidInput, IpaasError
from ipaas.governance.drafts import draft_saver

ANY: Final = "*"
_TAGS = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*(?:,|\Z)')


class DraftMovedOn(IpaasError):
    """The draft of {document} is at revision {revision} now: {who} saved it at {when}."""

    status: ClassVar[int] = 412
    code: ClassVar[str] = "draft.moved_on"
    title: ClassVar[str] = "Draft moved on"
    remedy: ClassVar[str] = "Load the present draft, make your change upon it and send its ETag as If-Match."


class PreconditionMissing(IpaasError):
    """The request does not say upon which revision of {document} its change was made."""

    status: ClassVar[int] = 428
    code: ClassVar[str] = "precondition.missing"
    title: ClassVar[str] = "Precondition required"
    remedy: ClassVar[str] = "Send the ETag of the draft as If-Match (or * to overwrite whatever is there)."


def etag_of(document: VersionedDocument) -> dict[str, str]:
    """The header with the tag of a document's draft."""
    return {"ETag": f'"{document.draft_revision}"'}


def revision_of(request: Request, document: VersionedDocument) -> int | None:
    """The revision that If-Match asks for; None without the header. Raises ``DraftMovedOn`` when it is another one."""
    text = request.headers.get("If-Match")
    if text is None:
        return None
    if text.strip() != ANY and str(document.draft_revision) not in _strong_tags(text):
        raise moved_on(document)
    return document.draft_revision


def moved_on(document: VersionedDocument) -> DraftMovedOn:
    entry = draft_saver(document)
    return DraftMovedOn(
        document=document.slug,
        revision=document.draft_revision,
        who=entry.actor_label if entry else "somebody",
        when=f"{document.updated_at:%Y-%m-%dT%H:%M:%SZ}",
    )


def _strong_tags(text: str) -> set[str]:
    found, place = set(), 0
    while place < len(text) or not text:
        match = _TAGS.match(text, place)
        if match is None:
            message = 'must be * or entity tags in double quotes, such as "3"'
            raise InvalidInput([{"path": "If-Match", "code": "etag", "message": message}])
        if not match[1]:
            found.add(match[2])
        place = match.end()
    return found
