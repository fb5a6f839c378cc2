"""The review of many matches: clusters, bulk decisions with a preview, undo, filters, and the same numbers everywhere."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings

from compliance.formats.record_kinds import RecordKind
from compliance.record.errors import StaleStateError
from compliance.record.models import RecordEntry
from requests_app.models import Match
from requests_app.services.matches import decisions_undo, matches_decide
from tests.personas import ADA, Staff
from tests.staging import Stage
from tests.web.pages import Page, Site, text_of

from .letters import GROUPS, letters

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage(staff: Staff, artefacts: Path) -> Stage:
    return letters(staff, artefacts)


@pytest.fixture
def address(stage: Stage) -> str:
    return f"/cases/{stage.request.reference}/matches/"


def decisions(stage: Stage) -> list[str]:
    return list(stage.request.matches.order_by("pk").values_list("decision", flat=True))


def match_of(stage: Stage, example_id: str) -> Match:
    return stage.request.matches.get(example_id=example_id)


def bulk(omar: Site, page: Page, address: str, decide: str) -> Page:
    """What is shown for confirmation."""
    return omar.submit(page, {"decide": decide}, action=f"{address}bulk/?")


def test_identical_and_near_identical_examples_are_one_card(stage: Stage, omar: Site, address: str) -> None:
    page = omar.get(address)

    assert stage.request.matches.count() == 3 * GROUPS + 1
    assert len(page.all("li", class_="card match")) == GROUPS + 1
    assert "3 identical or near-identical examples: show each" in page.words


def test_a_cluster_is_decided_once_and_recorded_with_its_number_and_without_text(
    stage: Stage, omar: Site, address: str
) -> None:
    cluster = match_of(stage, "e00000000").cluster
    omar.submit(omar.get(address), {"accept": f"cluster-{cluster}"}, action=address)

    assert decisions(stage)[:3] == ["accepted"] * 3
    assert set(decisions(stage)[3:]) == {"open"}
    entry = RecordEntry.objects.get(subject=stage.request.subject, kind=RecordKind.MATCH_ACCEPTED)
    data = json.loads(bytes(entry.body))["data"]
    assert (data["how"], data["clusters"], len(data["examples"])) == ("cluster", [cluster], 3)
    assert "letter" not in json.dumps(data)


def test_a_cluster_never_crosses_from_what_is_learned_to_what_is_held_out(stage: Stage) -> None:
    clusters = {match.cluster for match in stage.request.matches.filter(example_set="held_out")}
    assert clusters.isdisjoint(match.cluster for match in stage.request.matches.filter(example_set="train"))


def test_a_held_out_match_says_what_accepting_it_means(omar: Site, address: str) -> None:
    page = omar.get(address)
    assert "letters" in text_of(page.all("h2", class_="place")[1])
    assert "held-out set" in text_of(page.all("h2", class_="place")[1])
    assert "no model is changed and no item is created for it" in page.words


def test_an_accepted_held_out_match_leads_to_no_item_and_the_end_of_the_review_says_so(
    stage: Stage, omar: Site, address: str
) -> None:
    everything = list(stage.request.matches.values_list("pk", flat=True))
    matches_decide(
        request=stage.request, match_ids=everything, accept=True, by=stage.staff.omar, how="score", with_unlearned=True
    )
    assert "1 accepted example is in a set that no model is trained on" in omar.get(f"{address}complete/").words
    omar.submit(omar.get(f"{address}complete/"), action=f"{address}complete/")

    assert len(stage.item.example_ids) == 3 * GROUPS


def test_accepting_all_shown_says_numbers_shows_a_sample_and_leaves_held_out_ones_out(
    stage: Stage, omar: Site, address: str
) -> None:
    page = bulk(omar, omar.get(address), address, "accept")

    assert f"You accept {3 * GROUPS} matches. They are {GROUPS} groups" in page.words
    assert "1 further match is in a set that no model is trained on, and is left out" in page.words
    assert len(page.all("li", class_="card match")) == 5
    assert set(decisions(stage)) == {"open"}
    omar.submit(page, action=f"{address}bulk/")
    assert decisions(stage) == ["accepted"] * 3 * GROUPS + ["open"]


def test_held_out_ones_are_accepted_with_the_others_only_if_somebody_says_so(stage: Stage, omar: Site, address: str) -> None:
    page = bulk(omar, omar.get(address), address, "accept")
    omar.submit(page, {"with_unlearned": "1"}, action=f"{address}bulk/")
    assert set(decisions(stage)) == {"accepted"}

    everything = list(stage.request.matches.values_list("pk", flat=True))
    with pytest.raises(StaleStateError, match="no model is trained on"):
        matches_decide(request=stage.request, match_ids=everything, accept=True, by=stage.staff.omar, how="score")


def test_nothing_is_decided_at_once_if_somebody_has_decided_about_a_part_of_it_meanwhile(
    stage: Stage, omar: Site, address: str
) -> None:
    page = bulk(omar, omar.get(address), address, "accept")
    matches_decide(request=stage.request, match_ids=[match_of(stage, "e00000000").pk], accept=False, by=stage.staff.nils)
    again = omar.submit(page, action=f"{address}bulk/")
    assert "something has changed: the matches." in again.words
    assert decisions(stage) == ["rejected"] + ["open"] * 3 * GROUPS


def test_all_from_a_score_upwards_are_decided_and_the_others_are_not(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.filter(example_id__in=["e00000000", "e00000003"]).update(score=0.4)
    token = omar.get(address).all("input", name="csrfmiddlewaretoken")[0].get("value")
    values = {"how": "score", "score": "0.5", "decide": "reject", "csrfmiddlewaretoken": token}
    preview = omar.client.post(f"{address}bulk/", values)
    assert f"You reject {3 * GROUPS - 1} matches" in preview.content.decode()


def test_a_candidate_by_meaning_is_marked_and_never_accepted_in_bulk(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.filter(example_id__in=["e00000000", "e00000001", "e00000002"]).update(methods=["meaning"])
    page = omar.get(address)
    assert "candidate by meaning" in page.words
    assert "3 candidates by meaning are left out" in bulk(omar, page, address, "accept").words

    ids = [match_of(stage, "e00000000").pk, match_of(stage, "e00000001").pk]
    for how in ("each", "cluster", "shown", "score"):
        with pytest.raises(StaleStateError, match="one by one"):
            matches_decide(request=stage.request, match_ids=ids, accept=True, by=stage.staff.omar, how=how)
    assert matches_decide(request=stage.request, match_ids=ids[:1], accept=True, by=stage.staff.omar) == 1


def test_a_cluster_whose_documents_are_no_longer_alike_is_not_decided_as_one(stage: Stage) -> None:
    cluster = match_of(stage, "e00000000").cluster
    stage.request.matches.filter(example_id="e00000003").update(cluster=cluster, methods=["exact"])
    ids = list(stage.request.matches.filter(cluster=cluster).values_list("pk", flat=True))
    with pytest.raises(StaleStateError, match="no longer near-identical"):
        matches_decide(request=stage.request, match_ids=ids, accept=True, by=stage.staff.omar, how="cluster")


def test_a_cluster_that_cannot_be_read_is_not_decided_as_one(stage: Stage) -> None:
    ids = list(stage.request.matches.filter(cluster=match_of(stage, "e00000000").cluster).values_list("pk", flat=True))
    shutil.rmtree(settings.ARTEFACTS / stage.model.snapshot.path)
    with pytest.raises(StaleStateError, match="cannot be read"):
        matches_decide(request=stage.request, match_ids=ids, accept=True, by=stage.staff.omar, how="cluster")


def test_the_last_decisions_are_taken_back_one_after_another(stage: Stage, omar: Site, address: str) -> None:
    first, second = match_of(stage, "e00000000"), match_of(stage, "e00000003")
    page = omar.submit(omar.get(address), {"accept": f"cluster-{first.cluster}"}, action=address)
    page = omar.submit(page, {"reject": f"cluster-{second.cluster}"}, action=address)
    assert "Take back your last decision (3 matches)" in page.words
    page = omar.submit(page, action=f"{address}undo/")
    assert "3 matches are open again" in page.words
    assert set(decisions(stage)) == {"open", "accepted"}
    omar.submit(page, action=f"{address}undo/")

    assert set(decisions(stage)) == {"open"}
    assert RecordEntry.objects.filter(kind=RecordKind.MATCH_REOPENED).count() == 2


def test_a_group_is_not_decided_over_what_another_officer_decided_since(stage: Stage, omar: Site, address: str) -> None:
    page, first = omar.get(address), match_of(stage, "e00000000")
    matches_decide(request=stage.request, match_ids=[first.pk], accept=False, by=stage.staff.nils)
    again = omar.submit(page, {"accept": f"cluster-{first.cluster}"}, action=address, status=409)
    assert "something has changed: the matches." in again.words
    omar.submit(again, {"accept": f"cluster-{first.cluster}"}, action=address)
    assert decisions(stage)[:3] == ["rejected", "accepted", "accepted"]


def test_a_group_is_decided_as_far_as_the_filters_show_it(stage: Stage, omar: Site, address: str) -> None:
    """The card said one, and the press decided three."""
    first = match_of(stage, "e00000000")
    stage.request.matches.filter(pk=first.pk).update(score=0.4)
    filtered = f"{address}?score=0.5"
    page = omar.get(filtered)
    omar.submit(page, {"accept": f"cluster-{first.cluster}"}, action=filtered)
    assert decisions(stage)[:3] == ["open", "accepted", "accepted"]


def test_another_decision_is_not_taken_back_instead_of_the_one_that_was_shown(
    stage: Stage, omar: Site, address: str
) -> None:
    first, second = match_of(stage, "e00000000"), match_of(stage, "e00000003")
    for match in (first, second):
        matches_decide(request=stage.request, match_ids=[match.pk], accept=True, by=stage.staff.omar)
    page = omar.get(address)
    matches_decide(request=stage.request, match_ids=[second.pk], accept=False, by=stage.staff.nils)
    after = omar.submit(page, action=f"{address}undo/")
    assert "something has changed: the matches." in after.words
    assert (match_of(stage, "e00000000").decision, match_of(stage, "e00000003").decision) == ("accepted", "rejected")


def test_nobody_takes_back_what_another_officer_decided(stage: Stage) -> None:
    matches_decide(request=stage.request, match_ids=[match_of(stage, "e00000000").pk], accept=True, by=stage.staff.omar)
    with pytest.raises(StaleStateError, match="You have decided nothing"):
        decisions_undo(request=stage.request, by=stage.staff.nils)


def test_open_matches_beside_accepted_ones_are_offered(stage: Stage, omar: Site, address: str) -> None:
    alone = f"{address}?cluster={match_of(stage, 'e00000000').cluster}"
    omar.submit(omar.get(alone), {"accept": str(match_of(stage, "e00000000").pk)}, action=alone)
    page = omar.get(address)
    assert "2 open matches are near-identical to ones that were accepted." in page.words
    page = omar.get(f"{address}{page.link('Show them')}")
    assert len(page.all("li", class_="card match")) == 1


def test_a_cluster_opens_into_its_matches(stage: Stage, omar: Site, address: str) -> None:
    page = omar.get(f"{address}?cluster={match_of(stage, 'e00000000').cluster}")
    assert [text_of(h3) for h3 in page.one("ol", class_="matches").iter("h3")] == ["e00000000", "e00000001", "e00000002"]


def test_matches_of_earlier_searches_stand_by_themselves(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.update(cluster=None, because=[], copied=0)
    assert len(omar.get(address).all("li", class_="card match")) == 3 * GROUPS + 1


def test_a_match_says_by_which_rule_it_was_found(stage: Stage, omar: Site, address: str) -> None:
    stage.request.matches.update(because=["of_a_later_version"])
    assert "Found because of the rule “of_a_later_version”." in omar.get(address).words


def test_the_claimants_words_stand_beside_the_documents(omar: Site, address: str) -> None:
    page = omar.get(address)
    assert ADA in text_of(page.one("section", aria_labelledby="claimed"))


def test_what_was_asked_for_stands_at_each_match_and_narrows_the_list(stage: Stage, omar: Site, address: str) -> None:
    match = match_of(stage, "e00000019")
    match.queries = ["output-meaning"]
    match.save(update_fields=["queries"])
    page = omar.get(address)
    assert "Asked for: what the model answered, by its meaning." in page.words
    assert "Asked for: the name." in page.words
    [card] = omar.get(f"{address}?query=output-meaning").all("li", class_="card match")
    assert "e00000019" in text_of(card)


def test_filters_narrow_by_set_and_score_and_go_into_the_csv(stage: Stage, omar: Site, address: str) -> None:
    page = omar.get(f"{address}?set=held_out&score=0.5")
    assert len(page.all("li", class_="card match")) == 1
    content = b"".join(omar.client.get(f"{address}?set=held_out&format=csv").streaming_content)  # type: ignore[attr-defined]  # a streamed answer
    [row] = csv.DictReader(io.StringIO(content.decode()))

    assert (row["example_id"], row["corpus"], row["set"], row["decision"]) == ("e00000019", "letters", "held_out", "open")
    assert row["asked_for"] == "name"
    assert (row["found_by"], row["cluster"]) == ("name", str(match_of(stage, "e00000019").cluster))
    assert "letter that" not in content.decode()
