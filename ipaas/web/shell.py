"""What stands around every page: navigation, workspace and environment, theme.

A page's view (or middleware) may set on the request: ``workspace`` and ``environment`` (accounts models) and ``actor``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import Actor
from ipaas.governance.inbox import waiting_for
from ipaas.runtime.models import Approval, DeadLetter
from ipaas.web.frame_readmodels import KeyGroup
from ipaas.web.i18n.browser import browser_words
from ipaas.web.i18n.language import languages
from ipaas.web.keyboard import GO, key_groups
from ipaas.web.readmodels import Option

THEMES = ("auto", "light", "dark")
MOST_COUNTED = 1000
"""Beyond this many a count in the navigation says only that there are more."""

Entry = tuple[str, str, str, str]
"""Key (also its icon), label, URL name, permission."""
NAVIGATION: Sequence[tuple[str, Sequence[Entry]]] = (
    (
        gettext_noop("Operate"),
        (
            ("home", gettext_noop("Home"), "web:home", ""),
            ("runs", gettext_noop("Runs"), "runtime:run_list", "runs.view"),
            ("deadletters", gettext_noop("Dead letters"), "runtime:dead_letter_list", "deadletters.view"),
            ("approvals", gettext_noop("Approvals"), "runtime:approval_list", "approvals.view"),
        ),
    ),
    (
        gettext_noop("Build"),
        (
            ("flows", gettext_noop("Flows"), "flows:flow_list", "flows.view"),
            ("mappings", gettext_noop("Mappings"), "mapping:mapping_list", "mappings.view"),
            ("lookups", gettext_noop("Lookups"), "mapping:lookup_list", "lookups.view"),
            ("functions", gettext_noop("Functions"), "mapping:function_list", "functions.view"),
            ("schemas", gettext_noop("Schemas"), "contracts:schema_list", "schemas.view"),
            ("contracts", gettext_noop("Contracts"), "contracts:contract_list", "contracts.view"),
            ("event_types", gettext_noop("Event types"), "contracts:event_type_list", "event_types.view"),
            ("endpoints", gettext_noop("Endpoints"), "events:endpoint_list", "connections.view"),
            ("catalog", gettext_noop("Catalog"), "catalog:connector_list", "connections.view"),
            ("webhooks", gettext_noop("Webhooks"), "notices:webhook_list", "webhooks.view"),
            ("connections", gettext_noop("Connections"), "catalog:connection_list", "connections.view"),
            ("secrets", gettext_noop("Vault"), "vault:secret_list", "secrets.view"),
            ("stubs", gettext_noop("Stubs"), "catalog:stub_list", "stubs.view"),
        ),
    ),
    (
        gettext_noop("Govern"),
        (
            ("reviews", gettext_noop("Reviews"), "governance:review_list", "reviews.view"),
            ("domains", gettext_noop("Domains"), "governance:domain_list", "domains.view"),
            ("terms", gettext_noop("Glossary"), "ownership:term_list", "terms.view"),
            ("conventions", gettext_noop("Conventions"), "ownership:convention_list", "conventions.view"),
            ("audit", gettext_noop("Audit"), "audit:entry_list", "audit.view"),
            ("settings", gettext_noop("Settings"), "accounts:settings", "settings.view"),
        ),
    ),
)


@dataclass(frozen=True)
class NavItem:
    key: str
    label: str
    url: str
    current: bool
    count: int | str | None = None
    tone: str = ""
    go: str = ""
    """The key that leads here, after g."""


@dataclass(frozen=True)
class NavGroup:
    label: str
    items: Sequence[NavItem]


@dataclass(frozen=True)
class Shell:
    """``search_url`` is empty outside a workspace; then neither search box nor navigation is shown."""

    theme: str
    path: str
    languages: Sequence[Option] = ()
    workspace: Workspace | None = None
    workspaces: Sequence[Workspace] = ()
    environment: Environment | None = None
    environments: Sequence[Environment] = ()
    nav: Sequence[NavGroup] = ()
    search_url: str = ""
    jump_url: str = ""
    keys: Sequence[KeyGroup] = ()
    query: str = ""
    environment_url: str = ""


def _url(name: str, workspace: str) -> str:
    """Address of a page in a workspace; empty when this installation does not have the page."""
    try:
        return reverse(name, args=[workspace])
    except NoReverseMatch:
        return ""


def nav_counts(actor: Actor, environment: Environment | None) -> Mapping[str, int | str]:
    """What waits, by key of the navigation, as the lists behind it show it; each count stops at ``MOST_COUNTED``."""
    found: dict[str, int | str] = {}
    if actor.may("deadletters.view"):
        letters = DeadLetter.objects.visible_to(actor).filter(state=DeadLetter.State.OPEN)
        if environment is not None:
            letters = letters.filter(environment_id=environment.id)
        found["deadletters"] = letters.values("id")[:MOST_COUNTED].count()
    if actor.may("approvals.view"):
        approvals = Approval.objects.visible_to(actor).filter(state=Approval.State.PENDING)
        found["approvals"] = approvals.values("id")[:MOST_COUNTED].count()
    if actor.may("reviews.decide"):
        found["reviews"] = len(waiting_for(actor)[:MOST_COUNTED])
    return {key: f"{MOST_COUNTED - 1}+" if count == MOST_COUNTED else count for key, count in found.items()}


def pages_of(request: HttpRequest, workspace: Workspace) -> list[tuple[str, str, str]]:
    """Key, label and address of the pages of the workspace that the actor may see, in the order of the navigation."""
    return [(key, label, url) for _group, entries in _seen(request, workspace) for key, label, url in entries]


def _seen(request: HttpRequest, workspace: Workspace) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    actor: Any = getattr(request, "actor", None)
    for group, entries in NAVIGATION:
        places = [(key, _(title), _url(name, workspace.slug), permission) for key, title, name, permission in entries]
        yield (
            _(group),
            [
                (key, label, url)
                for key, label, url, permission in places
                if url and (not permission or (actor is not None and permission in actor.permissions))
            ],
        )


def navigation(request: HttpRequest, workspace: Workspace) -> list[NavGroup]:
    """The pages by group, with what waits on them."""
    actor: Any = getattr(request, "actor", None)
    counts = nav_counts(actor, getattr(request, "environment", None)) if actor is not None else {}
    home = _url("web:home", workspace.slug)

    def item(key: str, label: str, url: str) -> NavItem:
        current = request.path == url if url == home else request.path.startswith(url)
        tone = {"deadletters": "bad", "approvals": "wait", "reviews": "wait"}.get(key, "")
        return NavItem(key, label, url, current, counts.get(key) or None, tone, GO.get(key, ""))

    groups = [NavGroup(label, [item(*one) for one in entries]) for label, entries in _seen(request, workspace)]
    return [group for group in groups if group.items]


def theme_of(request: HttpRequest) -> str:
    """The user's theme; before sign-in the one of the cookie."""
    user = getattr(request, "user", None)
    theme = user.theme if user is not None and user.is_authenticated else request.COOKIES.get("theme", "auto")
    return theme if theme in THEMES else "auto"


def language_options() -> list[Option]:
    return [Option(code, name, code == get_language()) for code, name in languages().items()]


def shell_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``shell`` and the scripts' words, worked out when a template asks (fragments do not)."""
    return {"shell": SimpleLazyObject(lambda: _shell(request)), "browser_words": browser_words}


def _shell(request: HttpRequest) -> Shell:
    workspace: Workspace | None = getattr(request, "workspace", None)
    user = getattr(request, "user", None)
    if workspace is None or user is None or not user.is_authenticated:
        return Shell(theme=theme_of(request), path=request.path, languages=language_options())
    nav = navigation(request, workspace)
    return Shell(
        theme=theme_of(request),
        path=request.path,
        languages=language_options(),
        workspace=workspace,
        workspaces=list(Workspace.objects.filter(memberships__user_id=user.pk).order_by("name")),
        environment=getattr(request, "environment", None),
        environments=list(workspace.environments.all()),
        nav=nav,
        search_url=_url("runtime:run_list", workspace.slug),
        jump_url=_url("web:jump", workspace.slug),
        keys=key_groups([(item.key, item.label) for group in nav for item in group.items]),
        query=request.GET.get("q", ""),
        environment_url=_url("web:environment_select", workspace.slug),
    )
