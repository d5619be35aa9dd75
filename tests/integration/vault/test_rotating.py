"""Rotation by rule: who makes the next value, how long two are good, and who is shown a value when."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from ipaas.accounts.api_keys import authenticate_api_key, create_api_key, revoke_api_key
from ipaas.accounts.models import Workspace
from ipaas.accounts.services import create_service_account
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, PermissionDenied
from ipaas.notices.rotations import tell_rotations
from ipaas.outbox.models import Mail
from ipaas.vault import break_glass, services
from ipaas.vault.break_glass import collect_version, reveal_secret
from ipaas.vault.errors import BreakGlassOff, NothingToCollect, NotRotatable, SecretMovedOn
from ipaas.vault.inbound import open_versions
from ipaas.vault.models import Secret, SecretVersion
from ipaas.vault.opening import forget_all, open_secret
from ipaas.vault.rotating import rotate_secret, set_rotation

DAY = timedelta(days=1)


@pytest.fixture
def payments(workspace: Workspace, alice: Actor) -> Secret:
    return services.create_secret(workspace=workspace, slug="payments", fields={"token": "of-the-vendor"}, actor=alice)


@pytest.fixture
def signing(workspace: Workspace, alice: Actor) -> Secret:
    return services.create_secret(
        workspace=workspace, slug="hooks", kind="signing", fields={"signing_secret": "whsec_b25l"}, actor=alice
    )


def rule(secret: Secret, actor: Actor, days: int | None = 90, rotation: str = "remind") -> Secret:
    return set_rotation(secret=secret, every_days=days, rotation=rotation, overlap=2 * DAY, actor=actor)


def subjects() -> list[str]:
    return list(Mail.objects.order_by("id").values_list("subject", flat=True))


def test_a_rule_counts_from_the_present_value(payments: Secret, alice: Actor) -> None:
    written = payments.versions.get().created_at
    assert rule(payments, alice).rotation_due_at == written + 90 * DAY
    with time_machine.travel(now() + 50 * DAY, tick=False):
        services.put_version(secret=payments, fields={"token": "next"}, actor=alice)
        payments.refresh_from_db()
        assert payments.rotation_due_at == now() + 90 * DAY
    assert rule(payments, alice, None).rotation_due_at is None


@pytest.mark.parametrize(
    ("days", "rotation", "overlap", "path"),
    [(0, "remind", DAY, "every_days"), (9999, "remind", DAY, "every_days"), (30, "never", DAY, "rotation"),
     (30, "automatic", DAY, "rotation"), (30, "remind", 31 * DAY, "overlap_s")],
)  # fmt: skip
def test_a_rule_that_can_not_be(
    days: int, rotation: str, overlap: timedelta, path: str, payments: Secret, alice: Actor
) -> None:
    with pytest.raises(InvalidInput) as caught:
        set_rotation(secret=payments, every_days=days, rotation=rotation, overlap=overlap, actor=alice)
    assert [one["path"] for one in caught.value.errors] == [path]


def test_people_are_reminded_before_on_the_day_and_every_week(payments: Secret, alice: Actor, admin: Actor) -> None:
    due = rule(payments, alice).rotation_due_at
    assert due is not None
    told = []
    for days in (-8, -7, -6, 0, 1, 7, 8, 13, 14):
        with time_machine.travel(due + days * DAY, tick=False):
            told.append(tell_rotations())
            assert tell_rotations() == 0
    assert told == [0, 1, 0, 1, 0, 1, 0, 0, 1]
    assert subjects() == ["Secret to be rotated: payments"] * 4
    assert "of-the-vendor" not in str(list(Mail.objects.values()))


def test_a_signing_secret_is_rotated_by_the_platform_and_collected_once(
    signing: Secret, workspace: Workspace, alice: Actor, admin: Actor, bob: Actor
) -> None:
    due = rule(signing, alice, rotation="automatic").rotation_due_at
    assert due is not None
    with time_machine.travel(due - DAY, tick=False):
        assert tell_rotations() == 0
    with time_machine.travel(due, tick=False):
        assert (tell_rotations(), tell_rotations()) == (1, 0)
        new, old = (fields["signing_secret"] for fields in open_versions(workspace.id, "hooks", purpose="verify"))
        assert old == "whsec_b25l"
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", new)
        assert subjects() == ["Secret rotated: hooks"]
        with pytest.raises(PermissionDenied):
            collect_version(secret=signing, number=2, actor=bob)
        assert collect_version(secret=signing, number=2, actor=alice) == {"signing_secret": new}
        for number in (1, 2):
            with pytest.raises(NothingToCollect):
                collect_version(secret=signing, number=number, actor=alice)
    with time_machine.travel(due + 2 * DAY + timedelta(seconds=1), tick=False):
        assert len(open_versions(workspace.id, "hooks", purpose="verify")) == 1
        assert services.wipe_ended() == 1
    assert bytes(SecretVersion.objects.get(number=1).wrapped_key) == b""
    assert new not in str(list(Mail.objects.values())) + str(list(AuditEntry.objects.values()))


def test_of_two_people_who_rotate_at_once_the_second_changes_nothing(
    signing: Secret, payments: Secret, alice: Actor, admin: Actor
) -> None:
    rotate_secret(secret=signing, actor=alice, after=1)
    with pytest.raises(SecretMovedOn, match=r"Version 2 of .* is live already, entered by alice@example\.org"):
        rotate_secret(secret=signing, actor=admin, after=1)
    accepted = SecretVersion.objects.filter(secret=signing).exclude(state="revoked").held()
    assert sorted(accepted.values_list("number", flat=True)) == [1, 2]  # senders still sign with the first
    with pytest.raises(SecretMovedOn):
        services.put_version(secret=payments, fields={"token": "of-the-second"}, actor=admin, after=0)
    assert rotate_secret(secret=signing, actor=admin, after=2).number == 3


def test_a_key_of_our_own_api_is_rotated_with_an_overlap(workspace: Workspace, admin: Actor) -> None:
    account = create_service_account(
        workspace=workspace, slug="nightly", name="Nightly", roles=["operator"], actor=admin
    )
    made = create_api_key(
        workspace=workspace, name="nightly", scopes=["runs.view"], actor=admin, service_account=account,
        expires_at=now() + 90 * DAY,
    )  # fmt: skip
    secret = services.create_secret(workspace=workspace, slug="own-api", fields={"token": made.raw}, actor=admin)
    rule(secret, admin, days=30, rotation="automatic")
    with time_machine.travel(now() + 30 * DAY, tick=False):
        assert tell_rotations() == 1
        forget_all()
        fresh = open_secret(workspace.id, "own-api", purpose="call")["token"]
        assert fresh != made.raw
        assert authenticate_api_key(fresh).permissions == authenticate_api_key(made.raw).permissions
    with time_machine.travel(now() + 33 * DAY, tick=False), pytest.raises(Exception, match="key"):
        authenticate_api_key(made.raw)
    assert Secret.objects.get(slug="own-api").rotator == "api-key"
    assert not SecretVersion.objects.filter(handover=True).exists()


def test_the_prefix_of_a_key_makes_no_successor(workspace: Workspace, admin: Actor, alice: Actor) -> None:
    """Prefixes are seen in lists and in the trail; who may enter secrets must not get the key of another by one."""
    made = create_api_key(workspace=workspace, name="of the admin", scopes=["users.manage"], actor=admin)
    forged = made.raw[: -len("x" * 43)] + "x" * 43
    secret = services.create_secret(workspace=workspace, slug="forged", fields={"token": forged}, actor=alice)
    assert secret.rotator == ""
    with pytest.raises(InvalidInput):
        rule(secret, alice, days=1, rotation="automatic")
    with pytest.raises(NotRotatable):
        rotate_secret(secret=secret, actor=alice)


def test_a_key_that_was_revoked_stops_no_other_rotation(workspace: Workspace, admin: Actor, signing: Secret) -> None:
    made = create_api_key(workspace=workspace, name="gone", scopes=["runs.view"], actor=admin)
    own = services.create_secret(workspace=workspace, slug="a-key", fields={"token": made.raw}, actor=admin)
    for secret in (own, signing):
        rule(secret, admin, days=1, rotation="automatic")
    revoke_api_key(key=made.key, actor=admin)
    with time_machine.travel(now() + 2 * DAY, tick=False):
        assert tell_rotations() == 1
    assert sorted(subjects()) == ["Secret not rotated: a-key", "Secret rotated: hooks"]


def test_a_rotation_that_fails_is_told_once_a_day_and_tried_again(
    signing: Secret, workspace: Workspace, alice: Actor, admin: Actor
) -> None:
    due = rule(signing, alice, rotation="automatic").rotation_due_at
    assert due is not None
    services.revoke_version(secret=signing, number=1, actor=alice, reason="leaked")
    with time_machine.travel(due.replace(hour=3), tick=False) as clock:
        clock.shift(DAY)
        assert (tell_rotations(), tell_rotations()) == (0, 0)
        assert subjects() == ["Secret not rotated: hooks"]
        services.put_version(secret=signing, fields={"signing_secret": "new"}, actor=alice)
        Secret.objects.update(rotation_due_at=now())
        assert tell_rotations() == 1


def test_only_who_issues_it_can_make_a_vendors_key(payments: Secret, alice: Actor, bob: Actor) -> None:
    with pytest.raises(NotRotatable):
        rotate_secret(secret=payments, actor=alice)
    with pytest.raises(PermissionDenied):
        rotate_secret(secret=payments, actor=bob)


def test_the_glass_is_whole_until_the_installation_says_otherwise(
    payments: Secret, admin: Actor, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "the vendor has locked us out"
    with pytest.raises(BreakGlassOff):
        reveal_secret(secret=payments, reason=reason, actor=admin)

    class On:
        break_glass = True

    monkeypatch.setattr(break_glass, "settings", On)
    with pytest.raises(PermissionDenied):
        reveal_secret(secret=payments, reason=reason, actor=alice)
    with pytest.raises(InvalidInput):
        reveal_secret(secret=payments, reason="because", actor=admin)
    assert reveal_secret(secret=payments, reason=reason, actor=admin) == {"token": "of-the-vendor"}
    entry = AuditEntry.objects.get(action="secret.revealed")
    assert entry.details == {"version": 1, "reason": reason}
    (mail,) = Mail.objects.all()
    assert (mail.subject, reason in mail.text) == ("Secret read in an emergency: payments", True)
    assert "of-the-vendor" not in mail.text + str(entry.details)


def test_no_login_of_a_backend_is_revealed(
    openbao: Any, workspace: Workspace, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class On:
        break_glass = True

    monkeypatch.setattr(break_glass, "settings", On)
    with pytest.raises(Exception, match="no live version"):
        reveal_secret(secret=Secret.objects.get(kind="login"), reason="to have a look", actor=admin)
