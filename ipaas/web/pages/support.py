"""What the views of the pages share: the environment shown, deeds that tell their outcome, cursors, form errors."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ipaas.accounts.models import Environment, production_among
from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.errors import InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.core.phrases import in_words
from ipaas.web.i18n.errors import told as error_told
from ipaas.web.readmodels import CursorPage, Option

PAGE_SIZE = 50


def environment_of(request: WorkspaceRequest) -> Environment | None:
    """The environment the lists show: the one chosen in the session, else production.

    Also set on the request, so that the frame names it; None where the workspace has none yet.
    """
    environments = list(request.workspace.environments.all())
    chosen = request.session.get(f"environment:{request.workspace.slug}", "")
    found = next((one for one in environments if one.slug == chosen), None) or production_among(environments)
    request.environment = found  # type: ignore[attr-defined]  # read by web.shell
    return found


def environment_asked(request: WorkspaceRequest) -> str:
    """The slug of the environment that a list is narrowed to: of the address, else the one of the session.

    Empty for all of them: with ``environment=any``, and where a workspace has only one.
    """
    chosen, asked_for = environment_of(request), asked(request, "environment")
    if asked_for:
        return "" if asked_for == "any" else asked_for
    return chosen.slug if chosen is not None and len(request.workspace.environments.all()) > 1 else ""


@contextmanager
def told(request: HttpRequest, done: str) -> Iterator[None]:
    """Do a deed and tell its outcome on the next page: ``done``, or what was wrong and what to do.

    ``NotFound`` and ``PermissionDenied`` pass; the guard of the page answers them.
    """
    try:
        yield
    except (NotFound, PermissionDenied):
        raise
    except IpaasError as error:
        messages.error(request, told_error(error))
    else:
        messages.success(request, done)


def told_error(error: IpaasError) -> str:
    """What happened and what to do next, in a line; the faults of an input one by one."""
    if isinstance(error, InvalidInput):
        return " ".join(f"{_place(found)}{in_words(found['message'])}." for found in error.errors)
    return error_told(error)


def _place(found: Mapping[str, str]) -> str:
    return f"{found['path'].replace('_', ' ')}: " if found.get("path") else ""


@contextmanager
def form_errors(form: forms.Form, field_of: Callable[[str], str] = lambda path: path) -> Iterator[None]:
    """Put the faults that a service finds beside the fields of a form; ``form.is_valid()`` is false afterwards.

    ``field_of`` gives the form's field for the path of a fault; those without one stand above the form.
    """
    try:
        yield
    except (NotFound, PermissionDenied):
        raise
    except InvalidInput as error:
        for found in error.errors:
            name = field_of(found["path"])
            if name in form.fields:
                form.add_error(name, in_words(found["message"]))
            else:
                form.add_error(None, f"{_place(found)}{in_words(found['message'])}")
    except IpaasError as error:
        form.add_error(None, told_error(error))


def asked(request: HttpRequest, name: str, default: str = "") -> str:
    """A value of the address as text that the database can take, at most 200 characters."""
    return _storable(request.GET.get(name, default), 200)


def posted(request: HttpRequest, name: str, length: int = 300) -> str:
    """A value of a submitted form, likewise."""
    return _storable(request.POST.get(name, ""), length)


def known_version(request: WorkspaceRequest) -> int | None:
    """The newest version of a secret when the page was shown that sends this form."""
    told = posted(request, "after")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None


def _storable(text: str, length: int) -> str:
    return text.replace("\x00", "").strip()[:length]


def read_id(text: str) -> UUID | None:
    """An id from the address; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None


def newest_first(request: HttpRequest, rows: "QuerySet[Any]", *, size: int = PAGE_SIZE) -> tuple[list[Any], CursorPage]:
    """One page of rows with time-ordered ids: ``?before=`` an id goes to older ones, ``?after=`` to newer ones.

    Anything else in place of an id shows the newest. The rows come with a page without items, for the view to fill.
    """
    before, after = (read_id(request.GET.get(name, "")) for name in ("before", "after"))
    if after is not None and before is None:
        found = list(rows.filter(id__gt=after).order_by("id")[: size + 1])
        older, newer, found = True, len(found) > size, found[:size][::-1]
    else:
        chosen = rows if before is None else rows.filter(id__lt=before)
        found = list(chosen.order_by("-id")[: size + 1])
        older, newer, found = len(found) > size, before is not None, found[:size]
    return found, CursorPage(
        (),
        label=_("{count} shown, newest first").format(count=len(found)),
        next_url=with_query(request, before=found[-1].id) if found and older else "",
        previous_url=with_query(request, after=found[0].id) if found and newer else "",
    )


def with_query(request: HttpRequest, **cursor: object) -> str:
    """The present address with another cursor; filters stay."""
    query = request.GET.copy()
    for name in ("before", "after", "dialog", "v"):
        query.pop(name, None)
    query.update({name: str(value) for name, value in cursor.items()})
    return f"?{query.urlencode()}"


def options(choices: Mapping[str, str], chosen: str) -> list[Option]:
    return [Option(value, label, value == chosen) for value, label in choices.items()]
