"""What every operation does alike: sparse answers, strict queries, idempotency keys, conditional saving of drafts."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.urls import resolve

from ipaas.accounts.models import Workspace
from ipaas.flows.services import save_draft
from ipaas.web.api.examples import FLOW
from tests.integration.api.conftest import SIMPLE, Api
from tests.integration.api.table import TABLE
from tests.integration.api.test_basics import problem
from tests.integration.api.test_description import OF_FILES

pytestmark = pytest.mark.django_db
EVERYTHING = ("admin", "auditor", "builder", "operator", "approver", "steward")


@pytest.fixture
def ada(acme: Workspace, person: Any) -> Api:
    return person(acme, "ada", *EVERYTHING)  # type: ignore[no-any-return]


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return json.loads(answer.content)


def readable(subjects: dict[str, Any]) -> list[str]:
    paths = [path.format(**subjects) for method, path, _, _, status in TABLE if (method, status) == ("GET", 200)]
    return [path for path in paths if resolve(f"/api/v1/{path.partition('?')[0]}").url_name not in OF_FILES]


def test_every_answer_has_the_fields_that_were_asked_for_alone(ada: Api, subjects: dict[str, Any]) -> None:
    for path in readable(subjects):
        sign = "&" if "?" in path else "?"
        most = 20 if path.endswith("/samples") else 200
        whole = told(ada.get(f"{path}{sign}limit={most}"))
        is_list = "items" in whole
        rows = whole["items"] if is_list else [whole]
        names = sorted(rows[0]) if rows else []
        for wanted in filter(None, (names[:1], names[1:])):
            sparse = told(ada.get(f"{path}{sign}fields={','.join(wanted)}"))
            found = sparse["items"] if is_list else [sparse]
            assert {tuple(row) for row in found} == {tuple(wanted)}, path
            assert not is_list or sparse.keys() == whole.keys(), path


def test_a_field_that_no_answer_has_is_refused_by_name(ada: Api, subjects: dict[str, Any]) -> None:
    for path in readable(subjects):
        sign = "&" if "?" in path else "?"
        if path.startswith("stubs"):
            continue  # 404 before anything: this workspace may not reach the stand-ins
        found = problem(ada.get(f"{path}{sign}fields=colour,,id"), 400, "fields.unknown")
        assert "'colour'" in found["detail"], path


def test_fields_of_an_empty_list_are_known_too(ada: Api) -> None:
    assert told(ada.get("runs?fields=id,status")) == {"items": [], "next_cursor": None}
    found = problem(ada.get("runs?fields=id,colour"), 400, "fields.unknown")
    assert "status" in found["detail"]


def test_several_fields_come_in_the_order_asked_for(ada: Api, subjects: dict[str, Any]) -> None:
    assert list(told(ada.get(f"runs/{subjects['run']}?fields=status,id"))) == ["status", "id"]


def test_no_get_takes_a_parameter_that_it_does_not_know(ada: Api, subjects: dict[str, Any]) -> None:
    for method, path, _, _, status in TABLE:
        if (method, status) == ("GET", 200):
            sign = "&" if "?" in path else "?"
            found = problem(ada.get(f"{path.format(**subjects)}{sign}colour=red"), 422, "invalid_input")
            assert found["errors"][0]["path"] == "colour", path


def test_every_post_heeds_its_idempotency_key(ada: Api, subjects: dict[str, Any]) -> None:
    for method, path, body, *_ in TABLE:
        if method == "POST":
            answer = ada.post(path.format(**subjects), body, **{"Idempotency-Key": "not a key"})
            assert problem(answer, 422, "invalid_input")["errors"][0]["code"] == "idempotency.key", path


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("environments", {"slug": "test", "name": "Test"}),
        ("service-accounts", {"slug": "bot", "name": "Bot", "roles": ["approver"]}),
        ("flows/{flow}/publish", {}),
        ("secrets/{secret}/versions", {"values": {"signing_secret": "t0psecret"}}),
    ],
)
def test_what_is_sent_again_with_its_key_is_done_once(
    ada: Api, subjects: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    first, again = (ada.post(path.format(**subjects), body, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")


def test_every_list_is_walked_page_by_page_to_its_end(ada: Api, subjects: dict[str, Any]) -> None:
    for path in readable(subjects):
        sign = "&" if "?" in path else "?"
        whole = told(ada.get(f"{path}{sign}limit=200"))
        if "items" not in whole:
            continue
        seen, cursor = [], ""
        while cursor is not None:
            page = told(ada.get(f"{path}{sign}limit=1" + (f"&cursor={cursor}" if cursor else "")))
            seen += page["items"]
            cursor = page["next_cursor"]
        if not path.startswith("audit/"):  # which grows by being read
            assert seen == whole["items"], path
        assert problem(ada.get(f"{path}{sign}cursor=*"), 422, "invalid_input")["errors"][0]["path"] == "cursor", path


def test_the_request_id_is_in_every_problem(ada: Api) -> None:
    answer = ada.get(f"runs/{UUID(int=0)}", **{"X-Request-ID": "order-import-7"})
    assert problem(answer, 404, "not_found")["request_id"] == answer.headers["X-Request-ID"] == "order-import-7"


def test_the_flow_of_the_examples_is_one_that_can_be_published(ada: Api, production: Any) -> None:
    made = ada.post("flows", {"content": FLOW}, **{"Idempotency-Key": "first"})
    assert (told(made, 201)["slug"], made.headers["ETag"]) == ("orders", '"1"')
    assert told(ada.post("flows/orders/publish", {}), 201)["number"] == 1


class TestDrafts:
    CHANGED = {"content": {**SIMPLE, "title": "Orders, all"}}

    @pytest.fixture(autouse=True)
    def _deployed(self, deployed: Any) -> None:
        self.path = "flows/orders/draft"

    def test_a_draft_is_saved_upon_the_tag_that_was_read(self, alice: Api) -> None:
        read = alice.get(self.path)
        assert (told(read)["content"]["slug"], read.headers["ETag"]) == ("orders", '"1"')
        saved = alice.call("PUT", self.path, self.CHANGED, **{"If-Match": read.headers["ETag"]})
        assert (told(saved)["draft_revision"], saved.headers["ETag"]) == (2, '"2"')
        assert alice.get(self.path).headers["ETag"] == '"2"'

    def test_a_stale_tag_is_refused_and_names_who_changed_it(self, alice: Api, acme: Workspace, person: Any) -> None:
        dora = person(acme, "dora", "builder")
        told(dora.call("PUT", self.path, self.CHANGED, **{"If-Match": '"1"'}))
        found = problem(alice.call("PUT", self.path, {"content": SIMPLE}, **{"If-Match": '"1"'}), 412, "draft.moved_on")
        assert "revision 2" in found["detail"]
        assert "dora@example.com" in found["detail"] or "Dora" in found["detail"]
        assert told(alice.get(self.path))["content"]["title"] == "Orders, all"

    @pytest.mark.parametrize("tag", ["*", '"7", "1"', '"1"'])
    def test_tags_that_match(self, alice: Api, tag: str) -> None:
        told(alice.call("PUT", self.path, self.CHANGED, **{"If-Match": tag}))

    @pytest.mark.parametrize("tag", ['W/"1"', '"0"', '""'])
    def test_tags_that_do_not(self, alice: Api, tag: str) -> None:
        problem(alice.call("PUT", self.path, self.CHANGED, **{"If-Match": tag}), 412, "draft.moved_on")

    @pytest.mark.parametrize("tag", ["1", '"1', "", '"1" "2"'])
    def test_what_is_no_tag_is_named(self, alice: Api, tag: str) -> None:
        found = problem(alice.call("PUT", self.path, self.CHANGED, **{"If-Match": tag}), 422, "invalid_input")
        assert found["errors"][0]["path"] == "If-Match"

    def test_without_a_tag_nobody_overwrites(self, alice: Api) -> None:
        problem(alice.call("PUT", self.path, self.CHANGED), 428, "precondition.missing")

    def test_who_comes_between_is_named_too(self, alice: Api, acme: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        """The tag matched when it was looked at, and the draft moved on before it was saved."""
        from ipaas.core.actor import SYSTEM
        from ipaas.web.api import documents

        def late(**given: Any) -> Any:
            save_draft(actor=SYSTEM, workspace=acme, content=self.CHANGED["content"], expected_revision=1)
            return save_draft(**given)

        monkeypatch.setitem(documents.SAVE, "flow", late)
        found = problem(alice.call("PUT", self.path, {"content": SIMPLE}, **{"If-Match": '"1"'}), 412, "draft.moved_on")
        assert "revision 2" in found["detail"]
