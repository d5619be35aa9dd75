"""Where the vault of a workspace keeps its secrets, and moving them from one store to another."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ipaas.vault.backends import NAMES, check_backend, chosen_backend, set_backend
from ipaas.vault.migrating import Move, migrate_secrets, plan_migration
from ipaas.vault.models import Backend, StoreKind
from ipaas.web.api.base import ApiViewSet
from ipaas.web.api.fields import JsonField, StrictSerializer

LONGEST_TEXT = 20_000


class BackendConfig(StrictSerializer):
    """Only what is to differ from before; only stores outside have settings."""

    def get_fields(self) -> dict[str, Any]:
        return {
            name: serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_TEXT) for name in NAMES
        }


class BackendInput(StrictSerializer):
    kind = serializers.ChoiceField(choices=StoreKind.choices)
    config = BackendConfig(required=False)
    login = serializers.DictField(
        child=JsonField(), required=False, write_only=True, help_text="token, or role_id and secret_id; never shown."
    )


class BackendKindInput(StrictSerializer):
    kind = serializers.ChoiceField(choices=StoreKind.choices)


class MigrationInput(StrictSerializer):
    to = serializers.ChoiceField(choices=StoreKind.choices)
    most = serializers.IntegerField(min_value=1, max_value=100, required=False, default=20)


class BackendOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=StoreKind.choices)
    config = JsonField()
    login = serializers.CharField(allow_null=True, help_text="The secret that signs in to it.")
    down_since = serializers.DateTimeField(allow_null=True, help_text="Since when it can not be used; null: it can.")
    problem = serializers.CharField(help_text="Why it can not be used; empty: it can.")


class BackendCheckOutput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=StoreKind.choices)
    found = serializers.CharField(help_text="What was tried and found.")


class MoveOutput(serializers.Serializer[Any]):
    slug = serializers.CharField()
    store = serializers.ChoiceField(choices=StoreKind.choices, help_text="Where it is now.")
    versions = serializers.IntegerField()
    problem = serializers.CharField(help_text="Why it can not be moved at present; empty: it can.")


class MigrationPlanOutput(serializers.Serializer[Any]):
    to = serializers.ChoiceField(choices=StoreKind.choices)
    moves = MoveOutput(many=True)


class MigrationOutput(serializers.Serializer[Any]):
    moved = serializers.ListField(child=serializers.CharField())
    problems = MoveOutput(many=True)
    left = serializers.IntegerField(help_text="Secrets that are elsewhere still, those with a problem included.")


@extend_schema(tags=["secrets"])
class VaultBackendViewSet(ApiViewSet):
    serializer_class = BackendOutput
    required_permissions = {
        **dict.fromkeys(("retrieve", "check"), "settings.view"),
        **dict.fromkeys(("assign", "plan", "migrate"), "settings.edit"),
    }

    @extend_schema(responses=BackendOutput)
    def retrieve(self, request: Request) -> Response:
        """Where secrets are kept that are entered from now on."""
        return Response(_shown(chosen_backend(self.workspace)))

    @extend_schema(request=BackendInput, responses=BackendCheckOutput)
    def assign(self, request: Request) -> Response:
        """Choose a store and set it up; it is tried first, and nothing is stored when it does not work."""
        given = self.read(BackendInput)
        found = set_backend(
            workspace=self.workspace,
            kind=given["kind"],
            config=given.get("config", {}),
            login={name: str(value) for name, value in given.get("login", {}).items()},
            actor=self.actor,
        )
        return Response({"kind": given["kind"], "found": found})

    @extend_schema(request=BackendKindInput, responses=BackendCheckOutput)
    def check(self, request: Request) -> Response:
        """Try a store as it is set up; 409 with the reason when it can not be used."""
        kind = self.read(BackendKindInput)["kind"]
        found = check_backend(workspace=self.workspace, kind=kind, actor=self.actor)
        return Response({"kind": kind, "found": found})

    @extend_schema(request=BackendKindInput, responses=MigrationPlanOutput)
    def plan(self, request: Request) -> Response:
        """What a migration to a store would move; nothing is changed."""
        kind = self.read(BackendKindInput)["kind"]
        moves = plan_migration(workspace=self.workspace, to=kind, actor=self.actor)
        return Response({"to": kind, "moves": [_move(one) for one in moves]})

    @extend_schema(request=MigrationInput, responses=MigrationOutput)
    def migrate(self, request: Request) -> Response:
        """Move some secrets to a store, each checked there; call it until nothing more is moved."""
        done = migrate_secrets(workspace=self.workspace, actor=self.actor, **self.read(MigrationInput))
        problems = [_move(one) for one in done.problems]
        return Response({"moved": list(done.moved), "problems": problems, "left": done.left})


def _shown(backend: Backend | None) -> dict[str, Any]:
    if backend is None:
        return {"kind": StoreKind.BUILTIN, "config": {}, "login": None, "down_since": None, "problem": ""}
    return {
        "kind": backend.kind,
        "config": backend.config,
        "login": backend.login.slug if backend.login else None,
        "down_since": backend.down_since,
        "problem": backend.down_reason,
    }


def _move(move: Move) -> dict[str, Any]:
    return {"slug": move.slug, "store": move.store, "versions": move.versions, "problem": move.problem}
