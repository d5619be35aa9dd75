"""The registry of document types: what can be drafted, published and pinned."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast
from uuid import UUID

from ipaas.core.actor import Actor
from ipaas.core.document_forms import Change, Finding, refuse
from ipaas.core.document_querysets import DocumentQuerySet, VersionQuerySet
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.errors import NotFound


class PublishDerived(Protocol):
    """Publishes a document that another one brought along inline; idempotent by content. Returns its version."""

    def __call__(self, kind: str, content: dict[str, Any]) -> DocumentVersion: ...


CheckState = Literal["passed", "failed", "warning", "undecided", "not_applicable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found: ``failed`` keeps the document from being published, everything else is only shown."""

    state: CheckState
    summary: str = ""
    details: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A point of the checklist that the platform fills in itself.

    ``run`` is given the draft as it was written (tests included), the content of the newest published version (None
    for a first one) and the workspace; one that holds for every kind (``register_check``) also drafts of any form.
    ``title`` is a message id, translated where it is shown.
    """

    name: str
    title: str
    run: Callable[[dict[str, Any], dict[str, Any] | None, UUID], CheckResult]


def refuse_failed(checked: Iterable[tuple[Check, CheckResult]]) -> None:
    """Raise ``InvalidInput`` with what the failed checks found; one without details is named itself."""
    for check, result in checked:
        if result.state == "failed":
            errors = [one for one in result.details if one.severity == "error"]
            refuse(errors or [Finding("", f"check.{check.name}", result.summary)])


def _unchanged(content: dict[str, Any], _workspace_id: UUID, _publish: PublishDerived) -> dict[str, Any]:
    return content


def _nobody(_document: VersionedDocument) -> Iterable[tuple[str, str]]:
    return ()


def _nothing(_version: DocumentVersion, _actor: Actor) -> None:
    return None


def _to_none(_content: dict[str, Any]) -> set[str]:
    return set()


def _by_none(_document: VersionedDocument, _number: int | None) -> list[str]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """How one kind of document behaves.

    ``permission`` is the prefix of its permissions (``flows`` for ``flows.edit``). ``validate`` says everything that
    is wrong or doubtful with a content in a workspace. ``settle`` turns a valid content into what is published: it
    pins references and publishes inline parts as documents of their own. ``on_published`` runs in the transaction.
    ``aside`` are keys of the draft that ``settle`` leaves out: they are kept with the document, whatever runs.
    ``rank`` orders kinds where many are applied: what others refer to has the lower one.
    ``refers_to`` are the slugs of the same kind that a content, which may be of any form, refers to.
    ``held_by`` are labels of what keeps a version (None: every one) of a document from being retired or archived.
    ``checks`` fill the checklist of a review, and one that fails keeps the draft from being published.
    ``authors`` names whose work a draft holds beside those who saved it, as ``(person, label)``.
    ``changes`` says what a content changes for those who use it, where comparing the contents does not.
    ``in_files``: whether a folder of documents can hold it whole, so that one without it wants it gone.
    """

    kind: str
    permission: str
    document: type[VersionedDocument]
    version: type[DocumentVersion]
    validate: Callable[[dict[str, Any], UUID], list[Finding]]
    settle: Callable[[dict[str, Any], UUID, PublishDerived], dict[str, Any]] = _unchanged
    on_published: Callable[[DocumentVersion, Actor], None] = _nothing
    aside: frozenset[str] = frozenset()
    refers_to: Callable[[dict[str, Any]], set[str]] = _to_none
    held_by: Callable[[VersionedDocument, int | None], list[str]] = _by_none
    rank: int
    checks: tuple[Check, ...] = ()
    authors: Callable[[VersionedDocument], Iterable[tuple[str, str]]] = _nobody
    changes: Callable[[dict[str, Any] | None, dict[str, Any], UUID], list[Change]] | None = None
    in_files: bool = True

    @property
    def documents(self) -> DocumentQuerySet:
        return cast("DocumentQuerySet", cast("Any", self.document).objects.all())

    def checked(
        self, content: dict[str, Any], published: dict[str, Any] | None, workspace_id: UUID
    ) -> list[tuple[Check, CheckResult]]:
        """What each check says of a draft that is valid."""
        return [(check, check.run(content, published, workspace_id)) for check in (*self.checks, *_everywhere)]

    def findings(self, content: dict[str, Any], workspace_id: UUID) -> list[Finding]:
        """What one who writes should know: what ``validate`` says, and the checks that hold for every kind."""
        told = [one for check in _everywhere for one in check.run(content, None, workspace_id).details]
        return [*self.validate(content, workspace_id), *told]

    @property
    def versions(self) -> VersionQuerySet:
        return cast("VersionQuerySet", cast("Any", self.version).objects.all())


_types: dict[str, DocumentType] = {}
_everywhere: list[Check] = []


def register_document_type(document_type: DocumentType) -> None:
    """Make a kind known; called once from the app's ``ready``."""
    _types[document_type.kind] = document_type


def register_check(check: Check) -> None:
    """Have documents of every kind checked; called once from the app's ``ready``."""
    _everywhere[:] = [one for one in _everywhere if one.name != check.name] + [check]


def document_type(kind: str) -> DocumentType:
    """The type of a kind; raises ``NotFound`` for one that nobody registered."""
    found = _types.get(kind)
    if found is None:
        raise NotFound(what="document type")
    return found


def document_type_of(document: VersionedDocument) -> DocumentType:
    return next(entry for entry in _types.values() if isinstance(document, entry.document))


def document_kinds() -> list[str]:
    return sorted(_types)


def document_types_in_order() -> list[DocumentType]:
    """Every type, those that others refer to first."""
    return sorted(_types.values(), key=lambda one: (one.rank, one.kind))
