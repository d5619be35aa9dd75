"""A workspace whose mappings need a steward: Alice builds, Bob and Sue are stewards, Ada is the administrator."""

from dataclasses import dataclass
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM, Actor
from ipaas.governance.models import Review
from ipaas.governance.reviews import request_review
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from ipaas.mapping.services import save_draft
from tests.factories.flow_documents import mapping
from tests.factories.people import make_actor


@dataclass
class Acme:
    workspace: Workspace
    alice: Actor
    bob: Actor
    sue: Actor
    ada: Actor

    def rules(self, **rules: str) -> None:
        self.workspace.settings["review_policy"] = rules
        self.workspace.save()

    def draft(self, actor: Actor | None = None, **changes: Any) -> Mapping:
        content = mapping(**changes)
        present = Mapping.objects.filter(workspace_id=self.workspace.id, slug=content["slug"]).first()
        saved, _ = save_draft(
            actor=actor or self.alice,
            workspace=self.workspace,
            content=content,
            expected_revision=present.draft_revision if present else None,
        )
        return saved

    def review(self, **changes: Any) -> Review:
        return request_review(document=self.draft(**changes), actor=self.alice, note="for the supplier")


def acme_in(workspace: Workspace) -> Acme:
    people = {
        "alice": "builder",
        "bob": "steward",
        "sue": "steward",
        "ada": "admin",
    }
    actors = {name: make_actor(workspace, f"{name}@example.com", role) for name, role in people.items()}
    acme = Acme(workspace, **actors)
    acme.rules(mapping="steward")
    return acme


@pytest.fixture
def acme(db: None) -> Acme:
    found = acme_in(Workspace.objects.create(slug="acme", name="Acme"))
    apply_document(actor=SYSTEM, workspace=found.workspace, content=mapping())
    return found
