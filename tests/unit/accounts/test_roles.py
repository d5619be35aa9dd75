"""Roles: what each permits, and that nothing is permitted by accident."""

import pytest

from ipaas.accounts import roles
from ipaas.core.actor import SYSTEM, Actor, known_permissions
from ipaas.core.errors import InvalidInput

READING = {name for name in roles.PERMISSIONS if name.endswith(".view")}


def test_every_permission_is_registered_and_described() -> None:
    known = known_permissions()
    assert roles.PERMISSIONS.items() <= known.items()
    assert all(text.endswith(".") for text in roles.PERMISSIONS.values())
    assert roles.DESCRIPTIONS.keys() == roles.ROLES.keys()


def test_roles_name_known_permissions_only() -> None:
    for permissions in roles.ROLES.values():
        assert permissions <= roles.PERMISSIONS.keys()


def test_unknown_roles_permit_nothing() -> None:
    assert roles.permissions_of(["owner", ""]) == frozenset()
    assert roles.permissions_of([]) == frozenset()


def test_roles_add_up() -> None:
    assert roles.permissions_of(["auditor", "approver"]) == roles.ROLES["auditor"] | roles.ROLES["approver"]


def test_an_auditor_changes_nothing() -> None:
    assert roles.ROLES["auditor"] - READING == {"audit.export"}


ONLY = {
    "users.manage": {"admin"},
    "apikeys.manage": {"admin"},
    "settings.edit": {"admin"},
    "runs.replay_new_effects": {"operator", "admin"},
    "approvals.decide": {"approver", "admin"},
    "secrets.write": {"builder", "admin"},
    "audit.export": {"auditor", "admin"},
    "flows.publish": {"builder", "steward", "admin"},
}


@pytest.mark.parametrize("permission", ONLY)
def test_dangerous_deeds_belong_to_few(permission: str) -> None:
    assert {role for role, permissions in roles.ROLES.items() if permission in permissions} == ONLY[permission]


@pytest.mark.parametrize("wrong", [[], ["owner"], ["admin", ""]])
def test_roles_are_checked(wrong: list[str]) -> None:
    with pytest.raises(InvalidInput):
        roles.check_roles(wrong)


def test_a_misspelt_permission_is_an_error_not_a_denial() -> None:
    for actor in (SYSTEM, Actor("user", "u", "u")):
        with pytest.raises(LookupError):
            actor.may("flows.veiw")
