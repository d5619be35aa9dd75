"""Workspaces, environments, members: who may what, and what is recorded."""

from typing import Any

import pytest

from ipaas.accounts import services
from ipaas.accounts.models import Environment, Membership, User, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tests.factories.people import PASSWORD, make_member, make_user


def member(email: str) -> Membership:
    return Membership.objects.select_related("user").get(user__email=email)


def test_an_actor_has_what_the_roles_permit(workspace: Workspace, other_workspace: Workspace) -> None:
    user = make_member(workspace, "dora@example.org", "approver").user
    actor = services.actor_for(user, workspace, ip="203.0.113.5")
    assert actor.may("approvals.decide")
    assert not actor.may("flows.edit")
    assert (actor.workspace_id, actor.ip, actor.label) == (workspace.id, "203.0.113.5", "dora@example.org")
    with pytest.raises(NotFound):
        services.actor_for(user, other_workspace)


def test_a_deactivated_person_is_nobody(workspace: Workspace, alice: Actor) -> None:
    user = make_member(workspace, "dora@example.org", "operator").user
    services.deactivate_user(user=user, workspace=workspace, actor=alice)
    with pytest.raises(NotFound):
        services.actor_for(user, workspace)


def test_only_the_platform_makes_workspaces(alice: Actor, db: None) -> None:
    made = services.create_workspace(slug="initech", name="Initech", actor=SYSTEM)
    assert AuditEntry.objects.get(action="workspace.created").workspace_id == made.id
    with pytest.raises(PermissionDenied):
        services.create_workspace(slug="hooli", name="Hooli", actor=alice)
    with pytest.raises(Conflict):
        services.create_workspace(slug="initech", name="Initech", actor=SYSTEM)


@pytest.mark.parametrize("slug", ["", "A", "a b", "-a", "a-", "a--b", "ü", "a" * 61, "a\n"])
def test_slugs_are_plain(slug: str, db: None) -> None:
    with pytest.raises(InvalidInput):
        services.create_workspace(slug=slug, name="x", actor=SYSTEM)


def test_settings_merge_and_say_what_was_before(workspace: Workspace, alice: Actor) -> None:
    services.change_settings(workspace=workspace, settings={"egress_allow": ["127.0.0.1:9000"]}, actor=alice)
    changed = services.change_settings(workspace=workspace, settings={}, actor=alice)
    assert changed.settings == {"egress_allow": ["127.0.0.1:9000"]}
    changed = services.change_settings(workspace=workspace, settings={"egress_allow": None}, actor=alice)
    assert changed.settings == {}
    last = AuditEntry.objects.filter(action="settings.changed").latest("id")
    assert last.details == {"before": {"egress_allow": ["127.0.0.1:9000"]}, "after": {"egress_allow": None}}


@pytest.mark.parametrize(
    ("settings", "path", "said"),
    [
        ({"egress_alow": []}, "egress_alow", "there is egress_allow"),
        ({"egress_allow": [], "x": None}, "x", "no such setting"),
        ({"egress_allow": "a:1"}, "egress_allow", "list of host:port"),
        ({"egress_allow": ["a.example:443"] * 201}, "egress_allow", "at most 200"),
        ({"egress_allow": ["a.example:443", 7]}, "egress_allow/1", "is a text"),
        ({"egress_allow": ["a.example:443", "10.0.0.0/8:1"]}, "egress_allow/1", "one exact host:port"),
    ],
    ids=["misspelt", "unknown-beside-known", "no-list", "many", "number", "range"],
)
def test_only_known_settings_in_their_form_are_taken(
    workspace: Workspace, alice: Actor, settings: dict[str, Any], path: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        services.change_settings(workspace=workspace, settings=settings, actor=alice)
    assert [error["path"] for error in caught.value.errors] == [path]
    assert said in caught.value.errors[0]["message"]
    workspace.refresh_from_db()
    assert workspace.settings == {}
    assert not AuditEntry.objects.filter(action="settings.changed").exists()


def test_environments_hold_variables(workspace: Workspace, alice: Actor) -> None:
    made = services.create_environment(
        workspace=workspace, slug="staging", name="Staging", actor=alice, variables={"currency": "EUR", "old": 1}
    )
    services.change_environment(environment=made, name="Stage", variables={"currency": "CHF"}, actor=alice)
    assert Environment.objects.get().variables == {"currency": "CHF"}
    assert AuditEntry.objects.get(action="environment.changed").details == {"variables": ["currency", "old"]}
    with pytest.raises(Conflict):
        services.create_environment(workspace=workspace, slug="staging", name="Again", actor=alice)


def test_an_environment_without_a_position_stands_before_production(workspace: Workspace, alice: Actor) -> None:
    def make(slug: str, **more: int) -> Environment:
        return services.create_environment(workspace=workspace, slug=slug, name=slug, actor=alice, **more)

    make("live")
    for slug in ("staging", "z-test"):
        make(slug)
        assert workspace.production == Environment.objects.get(slug="live")
    assert list(workspace.environments.values_list("slug", flat=True)) == ["staging", "z-test", "live"]
    make("production")
    late = make("after", position=40)
    assert workspace.production.slug == "production"
    services.change_environment(environment=late, name="after", variables={}, actor=alice, position=0)
    assert workspace.environments.all()[0] == late
    assert AuditEntry.objects.get(action="environment.changed").details == {"variables": [], "position": 0}


def test_a_new_member_gets_an_account(workspace: Workspace, alice: Actor) -> None:
    added = services.add_member(
        workspace=workspace, email=" Dora@Example.org ", name="Dora", roles=["operator"], password=PASSWORD, actor=alice
    )
    assert added.user.email == "dora@example.org"
    assert added.user.check_password(PASSWORD)
    with pytest.raises(Conflict):
        services.add_member(workspace=workspace, email="dora@example.org", roles=["admin"], actor=alice)


def test_no_workspace_takes_over_an_account(workspace: Workspace, charlie: Actor, alice: Actor) -> None:
    services.add_member(
        workspace=workspace,
        email="charlie@example.org",
        name="Mallory",
        roles=["operator"],
        password=PASSWORD,
        actor=alice,
    )
    user = User.objects.get(email="charlie@example.org")
    assert user.name == "Charlie"
    assert not user.check_password(PASSWORD)
    with pytest.raises(Conflict):
        services.deactivate_user(user=user, workspace=workspace, actor=alice)


@pytest.mark.parametrize(
    ("email", "name", "password", "roles"),
    [
        ("nonsense", "N", PASSWORD, ["operator"]),
        ("n@example.org", " ", PASSWORD, ["operator"]),
        ("n@example.org", "N", "short", ["operator"]),
        ("n@example.org", "N", "passwordpassword"[:8], ["operator"]),
        ("n@example.org", "N", PASSWORD, []),
        ("n@example.org", "N", PASSWORD, ["owner"]),
        ("n@example.org\x00", "N", PASSWORD, ["operator"]),
    ],
)
def test_bad_input_leaves_nothing_behind(
    email: str, name: str, password: str, roles: list[str], workspace: Workspace, alice: Actor
) -> None:
    with pytest.raises(InvalidInput):
        services.add_member(workspace=workspace, email=email, name=name, roles=roles, password=password, actor=alice)
    assert User.objects.count() == 1


def test_the_last_administrator_stays(workspace: Workspace, alice: Actor) -> None:
    for deed in (
        lambda: services.change_roles(membership=member("alice@example.org"), roles=["operator"], actor=alice),
        lambda: services.remove_member(membership=member("alice@example.org"), actor=alice),
        lambda: services.deactivate_user(user=member("alice@example.org").user, workspace=workspace, actor=alice),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            deed()
    make_member(workspace, "dora@example.org", "admin")
    services.remove_member(membership=member("alice@example.org"), actor=alice)


def test_nobody_grants_more_than_they_have(workspace: Workspace, bob: Actor) -> None:
    limited = Actor("api_key", "k", "key", workspace.id, frozenset({"users.manage", "flows.view", "runs.view"}))
    with pytest.raises(PermissionDenied):
        services.add_member(workspace=workspace, email="m@example.org", name="M", roles=["admin"], actor=limited)
    with pytest.raises(PermissionDenied):
        services.change_roles(membership=member("bob@example.org"), roles=["admin"], actor=limited)


DEEDS: list[Any] = [
    lambda workspace, actor: services.change_settings(workspace=workspace, settings={}, actor=actor),
    lambda workspace, actor: services.create_environment(workspace=workspace, slug="x", name="x", actor=actor),
    lambda workspace, actor: services.add_member(workspace=workspace, email="x@x.org", roles=["admin"], actor=actor),
    lambda workspace, actor: services.change_roles(
        membership=member("alice@example.org"), roles=["admin"], actor=actor
    ),
    lambda workspace, actor: services.remove_member(membership=member("alice@example.org"), actor=actor),
    lambda workspace, actor: services.deactivate_user(
        user=User.objects.filter(email="y@x.org").first() or make_user("y@x.org"), workspace=workspace, actor=actor
    ),
    lambda workspace, actor: services.create_api_key(workspace=workspace, name="k", scopes=[], actor=actor),
    lambda workspace, actor: services.create_service_account(
        workspace=workspace, slug="s", name="s", roles=["operator"], actor=actor
    ),
]


@pytest.mark.parametrize("deed", DEEDS)
def test_an_operator_may_not_and_a_stranger_finds_nothing(
    deed: Any, workspace: Workspace, alice: Actor, bob: Actor, charlie: Actor
) -> None:
    with pytest.raises(PermissionDenied):
        deed(workspace, bob)
    with pytest.raises(NotFound):
        deed(workspace, charlie)
    assert not AuditEntry.objects.exists()


def test_a_person_sets_their_own_password_and_nobody_elses(workspace: Workspace, alice: Actor, bob: Actor) -> None:
    user = User.objects.get(email="bob@example.org")
    services.set_password(user=user, password=PASSWORD, actor=bob)
    assert user.check_password(PASSWORD)
    with pytest.raises(PermissionDenied):
        services.set_password(user=user, password=PASSWORD, actor=alice)
    with pytest.raises(InvalidInput):
        services.set_password(user=user, password="bob@example.org", actor=bob)


def test_a_member_whom_somebody_removed_meanwhile_is_not_found(workspace: Workspace, alice: Actor) -> None:
    make_member(workspace, "dora@example.org", "operator")
    seen = member("dora@example.org")
    services.remove_member(membership=member("dora@example.org"), actor=alice)

    with pytest.raises(NotFound):
        services.change_roles(membership=seen, roles=["approver"], actor=alice)
    with pytest.raises(NotFound):
        services.remove_member(membership=seen, actor=alice)
