"""The addresses of the registry: subjects, versions, numbers, compatibility, modes."""

from typing import Any

from django.http import HttpResponse

from ipaas.accounts.services import change_settings
from ipaas.contracts.compatibility import MODES
from ipaas.contracts.evolution import SETTING, USUAL, told
from ipaas.contracts.models import RegisteredSchema, Schema, SchemaVersion
from ipaas.governance import registry as subjects
from ipaas.governance.ending import deprecate_version, refuse_held
from ipaas.governance.services import archive_document
from ipaas.web.registry.answers import RegistryError, answer, name_of, registered, with_references
from ipaas.web.registry.requests import RegistryRequest, body_of, flag, registry, schema_in

VIEW, PUBLISH = "schemas.view", "schemas.publish"
DELETED = "deleted through the registry"


@registry(GET=VIEW)
def root(request: RegistryRequest) -> HttpResponse:
    return answer({})


@registry(GET=VIEW)
def schema_types(request: RegistryRequest) -> HttpResponse:
    return answer(["JSON"])


# -- subjects and versions -----------------------------------------------------------------------------------------


@registry(GET=VIEW)
def subject_list(request: RegistryRequest) -> HttpResponse:
    prefix = request.GET.get("subjectPrefix", "")
    rows = [one for one in subjects.subjects_of(request.workspace) if flag(request, "deleted") or not one.archived]
    return answer([name_of(one) for one in rows if name_of(one).startswith(prefix)])


@registry(POST=VIEW, DELETE=PUBLISH)
def subject_detail(request: RegistryRequest, subject: str) -> HttpResponse:
    """POST looks a schema up, DELETE takes the subject out of use."""
    row = _subject(request, subject)
    if request.method == "POST":
        version = subjects.version_with(row, schema_in(request))
        if version is None:
            raise RegistryError(40403, "Schema not found under this subject.")
        return answer(registered(version))
    _refuse_permanent(request)
    numbers = _numbers(row, deleted=False)
    archive_document(document=row, actor=request.actor, reason=DELETED)
    return answer(numbers)


@registry(GET=VIEW, POST=PUBLISH)
def version_list(request: RegistryRequest, subject: str) -> HttpResponse:
    """GET lists the numbers, POST registers a schema."""
    if request.method == "POST":
        given = schema_in(request)
        version = subjects.register_schema(actor=request.actor, workspace=request.workspace, name=subject, schema=given)
        return answer(registered(_fresh(version)))
    return answer(_numbers(_subject(request, subject), deleted=flag(request, "deleted")))


@registry(GET=VIEW, DELETE=PUBLISH)
def version_detail(request: RegistryRequest, subject: str, version: str) -> HttpResponse:
    found = _version(request, subject, version)
    if request.method == "DELETE":
        _refuse_permanent(request)
        refuse_held(found.document, found.number)
        deprecate_version(version=found, actor=request.actor, reason=DELETED)
        return answer(found.number)
    return answer(registered(found))


@registry(GET=VIEW)
def version_schema(request: RegistryRequest, subject: str, version: str) -> HttpResponse:
    return answer(_version(request, subject, version).content["schema"])


@registry(GET=VIEW)
def version_referenced_by(request: RegistryRequest, subject: str, version: str) -> HttpResponse:
    """The ids of the schemas that refer to it."""
    return answer(subjects.referring_numbers(_version(request, subject, version)))


# -- numbers -------------------------------------------------------------------------------------------------------


@registry(GET=VIEW)
def id_detail(request: RegistryRequest, number: int) -> HttpResponse:
    return answer(with_references(_of_number(request, number)[0]))


@registry(GET=VIEW)
def id_schema(request: RegistryRequest, number: int) -> HttpResponse:
    return answer(_of_number(request, number)[0].content["schema"])


@registry(GET=VIEW)
def id_subjects(request: RegistryRequest, number: int) -> HttpResponse:
    return answer(sorted({name_of(one.document) for one in _of_number(request, number)}))


@registry(GET=VIEW)
def id_versions(request: RegistryRequest, number: int) -> HttpResponse:
    return answer([{"subject": name_of(one.document), "version": one.number} for one in _of_number(request, number)])


# -- compatibility -------------------------------------------------------------------------------------------------


@registry(POST=VIEW)
def compatible(request: RegistryRequest, subject: str, version: str | None = None) -> HttpResponse:
    """Whether a schema may follow a version, or those that the mode of the subject asks for."""
    given = schema_in(request)
    number = _version(request, subject, version).number if version is not None else None
    row = _subject(request, subject)
    _rule, compared = subjects.would_follow(request.workspace, row, given, number)
    words = [told(problem, one.number) for one in compared for problem in one.verdict.problems]
    found: dict[str, Any] = {"is_compatible": not words}
    return answer({**found, "messages": words} if flag(request, "verbose") else found)


@registry(GET=VIEW, PUT="settings.edit")
def config(request: RegistryRequest) -> HttpResponse:
    if request.method == "PUT":
        mode = _mode_in(request)
        change_settings(workspace=request.workspace, settings={SETTING: mode}, actor=request.actor)
        return answer({"compatibility": mode.upper()})
    return answer({"compatibilityLevel": request.workspace.settings.get(SETTING, USUAL).upper()})


@registry(GET=VIEW, PUT=PUBLISH, DELETE=PUBLISH)
def subject_config(request: RegistryRequest, subject: str) -> HttpResponse:
    row = _subject(request, subject)
    newest = SchemaVersion.objects.filter(document=row).order_by("-number").first()
    own = newest.content.get("compatibility") if newest is not None else None
    if request.method == "PUT":
        mode = _mode_in(request)
        _fresh(subjects.set_mode(actor=request.actor, workspace=request.workspace, schema=row, mode=mode))
        return answer({"compatibility": mode.upper()})
    if request.method == "DELETE":
        _fresh(subjects.set_mode(actor=request.actor, workspace=request.workspace, schema=row, mode=None))
        return answer({"compatibilityLevel": str(own or USUAL).upper()})
    if own is None and not flag(request, "defaultToGlobal"):
        raise RegistryError(40408, f"Subject '{subject}' does not have subject-level compatibility configured")
    return answer({"compatibilityLevel": str(own or request.workspace.settings.get(SETTING, USUAL)).upper()})


@registry(GET=VIEW, PUT=PUBLISH)
def mode(request: RegistryRequest, subject: str | None = None) -> HttpResponse:
    """What the key may do; it follows from its permissions and is not set here."""
    if request.method == "PUT":
        raise RegistryError(42205, "The mode follows from the permissions of the key and can not be set.")
    return answer({"mode": "READWRITE" if request.actor.may(PUBLISH) else "READONLY"})


# -- what was asked for --------------------------------------------------------------------------------------------


def _subject(request: RegistryRequest, name: str) -> Schema:
    found = subjects.subject(request.workspace, name)
    if found is None or (found.archived and not flag(request, "deleted")):
        raise RegistryError(40401, f"Subject '{name[:255]}' not found.")
    return found


def _versions(row: Schema, *, deleted: bool) -> Any:
    rows = SchemaVersion.objects.filter(document=row).select_related("document").order_by("number")
    return rows if deleted else rows.filter(state="published")


def _numbers(row: Schema, *, deleted: bool) -> list[int]:
    return list(_versions(row, deleted=deleted).values_list("number", flat=True))


def _version(request: RegistryRequest, subject: str, asked: str) -> SchemaVersion:
    rows = _versions(_subject(request, subject), deleted=flag(request, "deleted"))
    if asked in ("latest", "-1"):
        found = rows.last()
    elif asked.isascii() and asked.isdigit() and 0 < int(asked[:10]) < 2**31:
        found = rows.filter(number=int(asked)).first()
    else:
        raise RegistryError(42202, f"The specified version '{asked[:40]}' is not a valid version id.")
    if found is None:
        raise RegistryError(40402, f"Version {asked[:40]} not found.")
    return found  # type: ignore[no-any-return]  # of a query set of versions


def _fresh(version: SchemaVersion | None) -> SchemaVersion:
    if version is None:
        raise RegistryError(42290, "It was sent to review, as this workspace asks for. Try again once it is approved.")
    return SchemaVersion.objects.select_related("document").get(id=version.id)  # type: ignore[no-any-return]  # likewise


def _of_number(request: RegistryRequest, number: int) -> list[SchemaVersion]:
    row = RegisteredSchema.objects.in_workspace(request.workspace.id).filter(id=number).first()
    found = SchemaVersion.objects.filter(registered=row).select_related("document").order_by("id") if row else []
    if not found:
        raise RegistryError(40403, f"Schema {number} not found")
    return list(found)


def _mode_in(request: RegistryRequest) -> str:
    given = str(body_of(request).get("compatibility", "")).lower()
    if given not in MODES:
        modes = ", ".join(one.upper() for one in MODES)
        raise RegistryError(42203, f"Invalid compatibility level. Valid values are {modes}.")
    return given


def _refuse_permanent(request: RegistryRequest) -> None:
    if flag(request, "permanent"):
        raise RegistryError(42205, "A published version is never removed: runs are pinned to it. Delete it softly.")
