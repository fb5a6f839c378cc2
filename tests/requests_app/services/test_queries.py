"""Everything that a claimant gave is searched for, or stands with the reason why it is not."""

from __future__ import annotations

from typing import Any

import pytest

from requests_app.models import ErasureRequest
from requests_app.search_wording import missing_sentences, query_words, searched_sentences
from requests_app.services.intake import TargetDetails
from requests_app.services.letters import letter
from requests_app.services.queries import MOST_PLACES, is_needed, request_queries
from tests.personas import ADA, Staff
from tests.staging import Stage, corpus, trained

ANSWER = "Of course. It was the keeper who mended the road that leads to the harbour, as everybody there knows."
PASTED = "The boat was painted by somebody, I believe, and nobody who had walked it once wished to walk it again."


def asked(kind: str = "erasure", **values: Any) -> dict[str, tuple[str, str, str]]:
    """By id: kind, value and obstacle."""
    request = ErasureRequest(kind=kind, **{"name": ADA, "email": "ada@example.org"} | values)
    return {query.id: (query.kind, query.value, obstacle) for query, obstacle in request_queries(request).items()}


def test_an_answer_and_a_prompt_are_searched_for_as_passages() -> None:
    found = asked(evidence_output=ANSWER, evidence_prompt="Tell me everything that you know about who mended the road")
    assert found["output"] == ("exact", ANSWER, "")
    assert found["prompt"][2] == ""


def test_what_is_too_short_to_be_a_passage_is_said_to_be() -> None:
    found = asked(evidence_output="I do not know.", evidence_prompt="Who is it?")
    assert {found[query][2] for query in ("output", "prompt", "output-meaning")} == {"too_short"}
    assert asked(evidence_output="...")["output"][2] == "nothing_to_search_for"


def test_a_work_is_searched_for_by_its_title_as_well_unless_too_many_texts_hold_that_by_chance() -> None:
    work = {"kind": "copyright", "work_text": ANSWER}
    assert asked(**work, work_title="The Keeper of Tilsk")["title"] == ("exact", "The Keeper of Tilsk", "")
    assert asked(**work, work_title="The Road")["title"][2] == "too_short"


def test_addresses_and_accounts_in_where_it_was_seen_are_searched_for_and_names_are_not_guessed() -> None:
    location = "Ada Beispiel saw it on https://forum.example/t/17, posted by @tide_reader (see logs@forum.example)."
    found = asked(location=location)
    places = [value for query, (kind, value, _) in found.items() if kind == "identifier" and query != "email"]
    assert places == ["https://forum.example/t/17", "@tide_reader", "logs@forum.example", location]
    assert found["location"][2] == "only_addresses"
    assert found["location-1-key-url"] == ("key", "url=https://forum.example/t/17", "")
    assert found["location-2-key-account"] == ("key", "account=@tide_reader", "")
    assert [query for query, (kind, *_) in found.items() if kind == "name"] == ["name"]


def test_of_a_bare_address_nothing_is_left_unsearched() -> None:
    assert "location" not in asked(location=" <https://forum.example/t/17>. ")


def test_where_it_was_seen_without_an_address_cannot_be_searched_for() -> None:
    assert asked(location="In a chat with a friend")["location"][2] == "no_address"


def test_of_very_many_addresses_the_first_are_searched_for_and_the_rest_is_said() -> None:
    found = asked(location=" ".join(f"https://forum.example/t/{n}" for n in range(500)))
    assert found[f"location-{MOST_PLACES}"][2] == ""
    assert found[f"location-{MOST_PLACES + 1}"][2] == "too_many"
    assert f"location-{MOST_PLACES + 2}" not in found


def test_an_account_is_searched_for_as_a_value_of_a_column_as_well() -> None:
    found = asked(other_names="tide_reader\nsteg-4711\n+49 30 1234567\nAda Zelda Beispiel")
    assert {query: value[1] for query, value in found.items() if "-key-" in query} == {
        "other-1-key-account": "account=tide_reader",
        "other-1-key-id": "id=tide_reader",
        "other-2-key-id": "id=steg-4711",
        "other-2-key-account": "account=steg-4711",
    }


def test_what_only_helps_to_find_it_leaves_a_search_complete() -> None:
    request = ErasureRequest(
        kind="erasure", name=ADA, email="a@example.org", other_names="a_b", evidence_output=ANSWER, location="x"
    )
    assert [query.id for query in request_queries(request) if is_needed(query.id)] == ["name", "email", "other-1"]


def test_without_an_encoder_the_meaning_of_a_text_stands_with_its_reason() -> None:
    assert asked(evidence_output=ANSWER)["output-meaning"] == ("meaning", ANSWER, "no_encoder")


@pytest.mark.parametrize("query", ["output", "output-meaning", "other-2", "other-2-key-id", "location", "location-3"])
def test_every_query_has_words_of_its_own(query: str) -> None:
    assert query not in query_words(query)


@pytest.mark.django_db
@pytest.mark.usefixtures("artefacts")
def test_a_pasted_answer_finds_what_it_repeats_and_the_letter_says_what_was_searched_and_what_was_not(staff: Staff) -> None:
    target = TargetDetails(name="Nobody Atall", evidence_output=PASTED, evidence_prompt="Who?", location="on paper")
    stage = Stage.opened(staff, trained(corpus()), target=target).searched()
    assert set(stage.request.matches.values_list("example_id", flat=True)) == {"e00000002"}

    search = stage.request.searches.get()
    assert search.complete
    assert "the name; the e-mail address; what the model answered." in searched_sentences(search)[1]
    text = letter(stage.request, "outcome_no_match").text
    assert all(sentence in text for sentence in searched_sentences(search))
    for sentence in missing_sentences(search):
        assert sentence in text
    assert missing_sentences(search) == [
        "The search could not look for what the model was asked: it is so short that too many texts contain it by chance.",
        "The search could not look for where it was seen: it contains neither an address nor an account name after an @.",
        (
            "The search looked for the words themselves, and not for others of the same meaning:"
            " nothing is set up here that compares meanings."
        ),
    ]
