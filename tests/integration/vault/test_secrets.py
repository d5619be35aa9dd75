"""Secrets go in and do not come out, except through the gateway's door, counted."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from django.core import serializers
from django.db import connection

from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, IpaasError, NotFound, PermissionDenied
from ipaas.core.redaction import scrub_text
from ipaas.vault import opening, reads, services
from ipaas.vault.certificates import ending
from ipaas.vault.errors import SecretInUse, SecretNotFound, SecretUnusable
from ipaas.vault.inbound import open_versions
from ipaas.vault.known import secret_values
from ipaas.vault.models import DataKey, Secret, SecretVersion
from ipaas.vault.opening import open_secret, peek_secret
from ipaas.vault.uses import SecretUse
from tests.integration.core.net.certificates import Authority

VALUE = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"


@pytest.fixture
def secret(workspace: Workspace, alice: Actor) -> Secret:
    return services.create_secret(workspace=workspace, slug="payments", fields={"token": VALUE}, actor=alice)


@pytest.fixture
def signing(workspace: Workspace, alice: Actor) -> Secret:
    return services.create_secret(
        workspace=workspace, slug="storefront-hooks", kind="signing", fields={"key": "one"}, actor=alice
    )


def test_the_gateway_opens_what_was_entered(secret: Secret, workspace: Workspace) -> None:
    assert open_secret(workspace.id, "payments", purpose="charge") == {"token": VALUE}


def test_what_must_not_be_shown_is_known_after_a_rotation(secret: Secret, workspace: Workspace, alice: Actor) -> None:
    services.put_version(secret=secret, fields={"token": VALUE[::-1]}, actor=alice)
    assert VALUE[::-1] not in scrub_text(f"sent {VALUE[::-1]}", secret_values(workspace.id))


def test_a_foreign_and_a_missing_secret_answer_alike(secret: Secret, other_workspace: Workspace) -> None:
    with pytest.raises(SecretNotFound) as foreign:
        open_secret(other_workspace.id, "payments", purpose="charge")
    secret.versions.all().delete()
    secret.delete()
    with pytest.raises(SecretNotFound) as missing:
        open_secret(other_workspace.id, "payments", purpose="charge")
    assert foreign.value.as_problem() == missing.value.as_problem()


def test_a_dump_of_the_database_says_nothing(secret: Secret, signing: Secret) -> None:
    with connection.cursor() as cursor:
        for table in ("vault_secret", "vault_secretversion", "vault_datakey", "audit_entry"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")  # noqa: S608 - names above
            text = " ".join(row[0] for row in cursor.fetchall())
            assert VALUE not in text
            assert VALUE.encode().hex() not in text
    assert VALUE not in serializers.serialize("json", SecretVersion.objects.all())


def test_a_sealed_length_shows_in_steps_only(workspace: Workspace, alice: Actor) -> None:
    for number, value in enumerate(("a", "a" * 50)):
        services.create_secret(workspace=workspace, slug=f"s-{number}", fields={"token": value}, actor=alice)
    assert len({len(bytes(version.sealed_fields[0])) for version in SecretVersion.objects.all()}) == 1


@pytest.mark.parametrize("move", ["field", "version", "secret", "workspace"])
def test_sealed_bytes_open_nowhere_else(
    move: str, workspace: Workspace, other_workspace: Workspace, alice: Actor
) -> None:
    fields = {"password": "one", "username": "two"}
    services.create_secret(workspace=workspace, slug="first", fields=fields, actor=alice)
    services.create_secret(workspace=workspace, slug="second", fields=fields, actor=alice)
    first, second = SecretVersion.objects.select_related("secret").order_by("id")
    if move == "field":
        first.sealed_fields = first.sealed_fields[::-1]
    elif move == "version":
        first.number = 7
    elif move == "secret":
        first.sealed_fields, first.wrapped_key = second.sealed_fields, second.wrapped_key
    else:
        first.secret.workspace = other_workspace
        first.secret.save()
    first.save()
    with pytest.raises(IpaasError) as caught:
        open_secret(first.secret.workspace_id, "first", purpose="charge")
    assert caught.value.code in {"seal.broken", "kek.wrong"}


def test_no_service_returns_a_value(secret: Secret, alice: Actor) -> None:
    version = services.put_version(secret=secret, fields={"token": VALUE}, actor=alice)
    revoked = services.revoke_version(secret=secret, number=2, actor=alice, reason="leaked")
    for thing in (secret, version, revoked):
        assert VALUE not in str({name: str(value) for name, value in vars(thing).items()})


@pytest.mark.parametrize(
    ("deed", "arguments"),
    [
        (services.put_version, {"fields": {"token": "new"}}),
        (services.revoke_version, {"number": 1, "reason": "leaked"}),
        (services.change_secret, {"description": "", "expires_at": None}),
        (services.delete_secret, {}),
    ],
)
def test_an_operator_may_not_and_a_stranger_sees_nothing(
    deed: Any, arguments: dict[str, Any], secret: Secret, bob: Actor, charlie: Actor
) -> None:
    with pytest.raises(PermissionDenied):
        deed(secret=secret, actor=bob, **arguments)
    with pytest.raises(NotFound):
        deed(secret=secret, actor=charlie, **arguments)
    assert AuditEntry.objects.filter(subject_type="secret").count() == 1


@pytest.mark.parametrize(
    ("slug", "fields"),
    [
        ("Bad Slug", {"token": "x"}),
        ("-", {"token": "x"}),
        ("ok", {}),
        ("ok", {"Token": "x"}),
        ("ok", {"token": ""}),
        ("ok", {"token": "a\x00b"}),
        ("ok", {"token": "a" * 40_000}),
        ("ok", {"token": 5}),
        ("ok", {f"f{n}": "x" for n in range(21)}),
    ],
)
def test_bad_input_is_refused_whole(slug: str, fields: Any, workspace: Workspace, alice: Actor) -> None:
    with pytest.raises(InvalidInput):
        services.create_secret(workspace=workspace, slug=slug, fields=fields, actor=alice)
    assert not Secret.objects.exists()


def test_a_slug_is_taken_once_per_workspace(
    secret: Secret, workspace: Workspace, other_workspace: Workspace, alice: Actor, charlie: Actor
) -> None:
    with pytest.raises(Conflict):
        services.create_secret(workspace=workspace, slug="payments", fields={"token": "x"}, actor=alice)
    services.create_secret(workspace=other_workspace, slug="payments", fields={"token": "x"}, actor=charlie)


def test_a_new_version_is_live_at_once_and_the_old_value_is_wiped(
    secret: Secret, workspace: Workspace, alice: Actor, django_capture_on_commit_callbacks: Any
) -> None:
    open_secret(workspace.id, "payments", purpose="charge")
    with django_capture_on_commit_callbacks(execute=True):
        services.put_version(secret=secret, fields={"token": "new"}, actor=alice)
    assert open_secret(workspace.id, "payments", purpose="charge") == {"token": "new"}
    old = SecretVersion.objects.get(number=1)
    assert (bytes(old.wrapped_key), old.sealed_fields) == (b"", [])


def test_another_process_uses_an_old_value_for_seconds_at_most(
    secret: Secret, workspace: Workspace, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 100.0
    monkeypatch.setattr(opening, "monotonic", lambda: moment)
    open_secret(workspace.id, "payments", purpose="charge")
    services.put_version(secret=secret, fields={"token": "new"}, actor=alice)
    assert peek_secret(workspace.id, "payments", purpose="charge") == {"token": VALUE}
    moment += opening.KEEP_S + 0.1
    assert peek_secret(workspace.id, "payments", purpose="charge") is None
    assert open_secret(workspace.id, "payments", purpose="charge") == {"token": "new"}


def test_two_signing_secrets_are_accepted_during_the_overlap(
    signing: Secret, workspace: Workspace, alice: Actor
) -> None:
    start = now()
    with time_machine.travel(start, tick=False):
        services.put_version(secret=signing, fields={"key": "two"}, actor=alice, overlap=timedelta(hours=1))
        assert open_versions(workspace.id, signing.slug, purpose="verify") == [{"key": "two"}, {"key": "one"}]
    with time_machine.travel(start + timedelta(hours=1, seconds=1), tick=False):
        assert open_versions(workspace.id, signing.slug, purpose="verify") == [{"key": "two"}]


def test_never_more_than_two_are_accepted(signing: Secret, workspace: Workspace, alice: Actor) -> None:
    for value in ("two", "three"):
        services.put_version(secret=signing, fields={"key": value}, actor=alice, overlap=timedelta(hours=1))
    assert open_versions(workspace.id, signing.slug, purpose="verify") == [{"key": "three"}, {"key": "two"}]


def test_whoever_verifies_webhooks_can_not_open_credentials(secret: Secret, workspace: Workspace) -> None:
    with pytest.raises(SecretNotFound):
        open_versions(workspace.id, secret.slug, purpose="verify")


def test_a_revoked_version_is_gone_for_good(secret: Secret, workspace: Workspace, alice: Actor) -> None:
    services.revoke_version(secret=secret, number=1, actor=alice, reason="leaked")
    with pytest.raises(SecretUnusable):
        open_secret(workspace.id, "payments", purpose="charge")
    version = SecretVersion.objects.get()
    assert (version.state, bytes(version.wrapped_key), version.sealed_fields) == ("revoked", b"", [])
    with pytest.raises(Conflict):
        services.revoke_version(secret=secret, number=1, actor=alice, reason="again")
    with pytest.raises(InvalidInput):
        services.revoke_version(secret=secret, number=1, actor=alice, reason=" ")


def test_a_used_secret_is_not_deleted(secret: Secret, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_usage_finders", [lambda _, slug: [SecretUse("connection", slug)]])
    with pytest.raises(SecretInUse, match="connection payments"):
        services.delete_secret(secret=secret, actor=alice)
    monkeypatch.setattr(services, "_usage_finders", [])
    services.delete_secret(secret=secret, actor=alice)
    assert not Secret.objects.exists()
    assert not SecretVersion.objects.exists()


def test_every_read_is_counted_in_one_entry_per_version_and_minute(secret: Secret, workspace: Workspace) -> None:
    start = now().replace(second=10, microsecond=0)
    with time_machine.travel(start, tick=False) as clock:
        for flow in ("orders", "orders", "refunds"):
            open_secret(workspace.id, "payments", purpose="charge", flow_label=flow)
        assert reads.flush_reads() == 0
        clock.shift(60)
        open_secret(workspace.id, "payments", purpose="token refresh", flow_label="orders")
        assert reads.flush_reads() == 1
        assert reads.flush_reads(everything=True) == 1
    first, second = AuditEntry.objects.filter(action="secret.read").order_by("id")
    assert first.details["reads"] == 3
    assert first.details["flows"] == ["orders", "refunds"]
    assert first.details["purposes"] == ["charge"]
    assert (first.subject_id, first.details["version"]) == (str(secret.id), 1)
    assert second.details["reads"] == 1


def test_counts_survive_a_database_that_refuses(
    secret: Secret, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_secret(workspace.id, "payments", purpose="charge")

    def refuse(rows: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(reads, "record_rows", refuse)
        with pytest.raises(ConnectionError):
            reads.flush_reads(everything=True)
    open_secret(workspace.id, "payments", purpose="charge")
    assert reads.flush_reads(everything=True) == 1
    assert AuditEntry.objects.get(action="secret.read").details["reads"] == 2


def test_data_keys_are_made_once(workspace: Workspace) -> None:
    from ipaas.vault.payloads import forget_sealers, sealer_for

    first = sealer_for(workspace.id)
    blob = first.seal(b"data", b"aad")
    forget_sealers()
    assert sealer_for(workspace.id).open(blob, b"aad") == b"data"
    assert sealer_for(workspace.id) is sealer_for(workspace.id)
    assert DataKey.objects.filter(workspace_id=workspace.id).count() == 2


def test_a_rotated_payload_key_is_found_after_loading_again(workspace: Workspace) -> None:
    from ipaas.vault.data_keys import add_payload_key
    from ipaas.vault.errors import PayloadKeyNotLoaded
    from ipaas.vault.payloads import sealer_for

    before = sealer_for(workspace.id)
    assert add_payload_key(workspace.id) == 2
    blob = sealer_for(workspace.id, fresh=True).seal(b"data", b"")
    with pytest.raises(PayloadKeyNotLoaded):
        before.open(blob, b"")
    assert sealer_for(workspace.id).open(blob, b"") == b"data"


@pytest.mark.django_db
def test_platform_keys_are_stable_and_differ_by_purpose() -> None:
    from ipaas.vault.data_keys import platform_key

    assert platform_key("a") == platform_key("a")
    assert platform_key("a") != platform_key("b")


def test_what_somebody_deleted_meanwhile_is_not_found(secret: Secret, alice: Actor) -> None:
    services.delete_secret(secret=Secret.objects.get(id=secret.id), actor=alice)

    with pytest.raises(NotFound):
        services.put_version(secret=secret, fields={"token": "other"}, actor=alice)
    with pytest.raises(NotFound):
        services.revoke_version(secret=secret, number=1, actor=alice, reason="leaked")
    with pytest.raises(NotFound):
        services.change_secret(secret=secret, description="x", expires_at=None, actor=alice)
    with pytest.raises(NotFound):
        services.delete_secret(secret=secret, actor=alice)
    assert AuditEntry.objects.filter(action="secret.deleted").count() == 1


def test_a_certificate_says_itself_when_it_ends(workspace: Workspace, alice: Actor, tmp_path: Path) -> None:
    """Also of the version that takes its place; what is no certificate says nothing, and an earlier date counts."""
    authority = Authority(tmp_path)
    pair, later = authority.issue("shop", days=10), authority.issue("shop", days=300)
    ends = x509.load_pem_x509_certificate(pair.cert.encode()).not_valid_after_utc
    fields = {"tls_client_cert": pair.cert + authority.pem, "tls_client_key": pair.key}
    made = services.create_secret(workspace=workspace, slug="partner", fields=fields, actor=alice)
    assert made.expires_at == ends
    assert list(Secret.objects.expiring(now(), timedelta(days=14))) == [made]
    services.put_version(secret=made, fields={**fields, "tls_client_cert": later.cert}, actor=alice)
    assert not Secret.objects.expiring(now(), timedelta(days=14))
    sooner = now() + timedelta(days=2)
    services.put_version(secret=made, fields=fields, actor=alice, expires_at=sooner)
    made.refresh_from_db()
    assert made.expires_at == sooner
    odd = "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----"
    assert ending(["a password", odd, ""]) is None
