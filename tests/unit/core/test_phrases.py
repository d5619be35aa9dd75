"""Sentences of services: English for programs, the language of the page for people."""

import copy
import pickle
from collections.abc import Iterator

import orjson
import pytest
from django.utils import translation

from ipaas.core.document_forms import did_you_mean
from ipaas.core.errors import Conflict, InvalidInput
from ipaas.core.phrases import Phrase, in_words, said, sentences
from ipaas.core.state_names import NAMES, state_name
from ipaas.runtime.models import Approval, BulkJob, DeadLetter, Run
from ipaas.web.i18n.errors import told


@pytest.fixture
def german() -> Iterator[None]:
    with translation.override("de"):
        yield


def test_a_phrase_is_the_english_text_wherever_one_is_needed(german: None) -> None:
    phrase = said("there is no flow {slug!r}", slug="orders")
    assert phrase == "there is no flow 'orders'"
    assert orjson.loads(orjson.dumps({"message": phrase})) == {"message": "there is no flow 'orders'"}
    for other in (copy.deepcopy(phrase), pickle.loads(pickle.dumps(phrase))):  # noqa: S301 - of this test
        assert isinstance(other, Phrase)
        assert in_words(other) == "es gibt keinen Flow 'orders'"


def test_values_that_are_phrases_are_told_in_the_language_too(german: None) -> None:
    hint = did_you_mean("payment", ["payments"])
    text = said("there is no connection {connection!r}{hint}", connection="payment", hint=hint)
    assert in_words(text) == "es gibt keine Verbindung 'payment'; ist 'payments' gemeint?"
    assert in_words(said("at least {least}", least=3)) == "mindestens 3"


@pytest.mark.parametrize("text", ["", "from another system", "50 % {of} it"])
def test_any_other_text_stays_as_it_is(german: None, text: str) -> None:
    assert in_words(text) == text


def test_an_error_is_told_with_what_its_service_said(german: None) -> None:
    error = Conflict(what=said("There is a workspace {slug!r} already.", slug="acme"))
    assert told(error).startswith("Es gibt schon einen Arbeitsbereich 'acme'.")
    assert error.as_problem()["detail"] == "There is a workspace 'acme' already."


def test_the_first_fault_of_an_input_is_in_the_sentence_about_it(german: None) -> None:
    faults = [{"path": "to", "code": "x", "message": said("name another person")}] * 2
    error = InvalidInput(faults)
    assert "nennen Sie eine andere Person (und 1 weitere)" in in_words(error.detail)
    assert error.detail == "The input is not valid: to: name another person (and 1 more)"


def test_braces_in_values_are_text() -> None:
    assert said("{a} {{b}}", a="{c}") == "{c} {b}"
    assert in_words(said("{a} {{b}}", a=said("{c}", c="{d}"))) == "{d} {b}"


def test_states_are_named_in_the_language_and_stay_as_they_are_for_programs(german: None) -> None:
    text = said("The run is {status}; this is for one that stopped.", status=state_name("needs_operator"))
    assert text == "The run is needs_operator; this is for one that stopped."
    assert "auf eine Entscheidung angewiesen" in in_words(text)
    assert in_words(state_name("odd")) == "odd"


def test_every_state_that_a_sentence_names_has_a_word() -> None:
    named = {*Run.Status.values, *DeadLetter.State.values, *Approval.State.values, *BulkJob.State.values}
    assert named <= NAMES


def test_sentences_follow_each_other_each_in_the_language(german: None) -> None:
    text = sentences(said("The address answers with status {status}.", status=404), "", "Not found.")
    assert text == "The address answers with status 404. Not found."
    assert in_words(text) == "Die Adresse antwortet mit Status 404. Not found."
