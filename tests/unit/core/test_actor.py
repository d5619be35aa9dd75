"""Who may do what."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from ipaas.core import actor as actors
from ipaas.core.actor import SYSTEM, Actor, known_permissions, register_permissions, require_permission
from ipaas.core.errors import NotFound, PermissionDenied
from ipaas.core.ids import uuid7

HERE, ELSEWHERE = uuid7(), uuid7()


@dataclass
class Flow:
    workspace_id: UUID


@pytest.fixture(autouse=True)
def permissions(monkeypatch):
    monkeypatch.setattr(actors, "_permissions", {})
    register_permissions({"things.view": "See things.", "things.edit": "Change things."})


ALICE = Actor("user", "1", "alice", HERE, frozenset({"things.view"}))


def test_permission_holds_in_the_own_workspace():
    for subject in (Flow(HERE), HERE, None):
        require_permission(ALICE, "things.view", subject)


@pytest.mark.parametrize("permission", ["things.view", "things.edit"])
def test_foreign_subject_is_like_a_missing_one(permission):
    with pytest.raises(NotFound, match="no flow"):
        require_permission(ALICE, permission, Flow(ELSEWHERE))
    with pytest.raises(NotFound, match="no workspace"):
        require_permission(ALICE, permission, ELSEWHERE)


def test_lacking_permission_is_named():
    with pytest.raises(PermissionDenied, match=r"things\.edit"):
        require_permission(ALICE, "things.edit", Flow(HERE))
    assert not ALICE.may("things.edit")


def test_nobody_may_anything_by_default():
    with pytest.raises(PermissionDenied):
        require_permission(Actor("anonymous", "", "nobody"), "things.view")


def test_system_may_everything_everywhere():
    require_permission(SYSTEM, "things.edit", Flow(ELSEWHERE))
    assert SYSTEM.may("things.edit")


def test_misspelt_permission_is_a_mistake_even_of_the_system():
    for who in (ALICE, SYSTEM):
        with pytest.raises(LookupError, match=r"thing\.edits"):
            require_permission(who, "thing.edits", Flow(HERE))
        with pytest.raises(LookupError):
            who.may("thing.edits")
    assert set(known_permissions()) == {"things.view", "things.edit"}


@dataclass
class Run:
    workspace_id: UUID
    flow_id: UUID


def test_what_belongs_to_another_flow_does_not_exist_for_a_bound_actor():
    mine, other = uuid7(), uuid7()
    bound = Actor("api_key", "2", "key", HERE, frozenset({"things.view"}), flows=frozenset({mine}))
    require_permission(bound, "things.view", Run(HERE, mine))
    with pytest.raises(NotFound, match="no run"):
        require_permission(bound, "things.view", Run(HERE, other))
    require_permission(ALICE, "things.view", Run(HERE, other))
