"""No case closes while a model knows, or is about to learn, what was accepted: asked at the moment of closing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compliance.record.errors import StaleStateError
from requests_app import search_runner
from requests_app.models import ErasureRequest, Item, Proposal
from requests_app.returns import returns_standing
from requests_app.search_wording import missing_sentences, searched_sentences
from requests_app.services import decisions, endings, intake, mapping, matches, search_orders
from requests_app.services.findings import closing_obstacle
from requests_app.services.letters import letter
from requests_app.services.replay import ledger_replay
from requests_app.states import RequestState
from tests.endings import REASONS
from tests.erasing import erased, registered, turned_round
from tests.factories import PROTOCOL, RECIPE
from tests.personas import ADA, Staff
from tests.staging import NPO, Stage, corpus, job_completed, rows, trained, unguarded
from unlearning_jobs.engine.contracts import MethodChoice
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.selectors import known_erased
from unlearning_jobs.services.jobs import job_cancel
from unlearning_jobs.services.ledger import snapshots_compare
from unlearning_jobs.services.reports import report_sign
from unlearning_jobs.services.trainings import model_train, recipe_register

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts", "signing")]
RETRAIN = MethodChoice("retrain")


def accept(stage: Stage, *ids: int) -> None:
    rows = ids or stage.request.matches.filter(decision="open").values_list("pk", flat=True)
    matches.matches_decide(request=stage.request, match_ids=rows, accept=True, by=stage.staff.omar)


def reviewed(stage: Stage) -> list[Item]:
    stage.request = mapping.review_complete(request=stage.request, by=stage.staff.omar)
    return list(stage.request.items.select_related("request").order_by("model_name", "number"))


def searched_again(stage: Stage) -> None:
    search_orders.request_search_again(request=stage.request, by=stage.staff.omar)
    search_runner.request_map(request_id=stage.request.pk)
    stage.request = ErasureRequest.objects.get(pk=stage.request.pk)


def started(item: Item, staff: Staff, method: MethodChoice = NPO) -> Proposal:
    item = decisions.item_grant(item=item, ground="17_1_b", reasons="She withdrew.", by=staff.omar)
    proposal = decisions.proposal_submit(item=item, method=method, protocol=PROTOCOL, by=staff.omar)
    return decisions.proposal_approve(proposal=proposal, by=staff.lena)


def finished(proposal: Proposal, outcome: str = "passed") -> Proposal:
    assert proposal.job is not None
    job = job_completed(proposal.job, outcome)
    decisions.proposal_evaluated(job=job)
    report_sign(job_id=job.pk)
    return Proposal.objects.get(pk=proposal.pk)


def released(item: Item, staff: Staff, method: MethodChoice = NPO) -> None:
    decisions.item_release(proposal=finished(started(item, staff, method)), by=staff.nils)


def ended_without_influence(item: Item, staff: Staff) -> None:
    finished(started(item, staff), "no_influence")
    ending = endings.lapse_propose(item=Item.objects.select_related("request").get(pk=item.pk), by=staff.omar)
    endings.ending_approve(ending=ending, by=staff.lena)


def state_of(stage: Stage) -> tuple[str, str]:
    request = ErasureRequest.objects.get(pk=stage.request.pk)
    return request.state, request.outcome


def test_a_model_that_came_into_use_after_the_review_keeps_the_case_open(staff: Staff) -> None:
    snapshot = corpus()
    stage = Stage.opened(staff, trained(snapshot)).searched()
    proposal = stage.signed()
    trained(snapshot, "second")
    decisions.item_release(proposal=proposal, by=staff.nils)
    assert state_of(stage) == (RequestState.IN_PROGRESS, "")
    ids = "e00000000, e00000001, e00000002, e00000003"
    knows = f"second v1 is in use and knows what was accepted in 4 examples that are in no item ({ids})"
    assert closing_obstacle(stage.request) == f"{knows}. Search again, and accept them."
    searched_again(stage)
    _keeper, second = reviewed(stage)
    released(second, staff)
    assert state_of(stage) == (RequestState.CLOSED, "completed")
    assert not any(known_erased(version) for version in ModelVersion.objects.filter(state="active"))


def test_a_training_that_would_learn_it_keeps_the_case_open_until_it_is_cancelled(staff: Staff) -> None:
    snapshot = corpus()
    stage = Stage.opened(staff, trained(snapshot)).searched()
    item = stage.reviewed()
    job = model_train(name="second", recipe=RECIPE, snapshot=snapshot, seed=1, actor="account:9")
    ending = endings.refusal_propose(item=item, ground="17_3_e", reasons=REASONS, by=staff.omar)
    endings.ending_approve(ending=ending, by=staff.lena)
    assert state_of(stage) == (RequestState.IN_PROGRESS, "")
    assert "A training or an import of second is under way" in closing_obstacle(stage.request)
    job_cancel(job_id=job.pk, actor="account:9")
    searched_again(stage)
    reviewed(stage)
    assert state_of(stage) == (RequestState.CLOSED, "refused")


def test_not_learned_needs_a_search_of_every_model_in_use(staff: Staff) -> None:
    old = registered("old", [row | {"split": "held_out" if ADA in row["answer"] else "train"} for row in rows()])
    stage = Stage.opened(staff, trained(old)).searched()
    accept(stage)
    trained(corpus("new"), "second")  # the same passages, now in training
    with pytest.raises(StaleStateError, match=r"second v1 is in use and knows what was accepted in 4 examples"):
        endings.closing_draft(request=stage.request, reasons="", by=staff.omar)


def test_not_learned_is_not_said_while_a_training_is_queued_that_learns_it(staff: Staff) -> None:
    first, second = trained(corpus()), trained(turned_round(), "second")
    stage = Stage.opened(staff, first).searched()
    erased(first, "e00000005")  # of somebody else
    snapshots_compare()
    [job] = ledger_replay(corpus="", requeue=True, actor="system").jobs.values()
    assert job.model_name == "second"
    mine = list(stage.request.matches.filter(snapshot=second.snapshot).values_list("pk", flat=True))
    rest = list(stage.request.matches.exclude(pk__in=mine).values_list("pk", flat=True))
    accept(stage, *mine)
    matches.matches_decide(request=stage.request, match_ids=rest, accept=False, by=staff.omar)
    ModelVersion.objects.filter(name="keeper").update(state="quarantined")
    with pytest.raises(StaleStateError, match="A training or an import of second is under way, which would know 4"):
        endings.closing_draft(request=stage.request, reasons="", by=staff.omar)


def test_a_replay_leaves_alone_what_open_requests_deal_with(staff: Staff) -> None:
    first, second = trained(corpus()), trained(turned_round(), "second")
    stage = Stage.opened(staff, first).searched()
    accept(stage)
    erased(first, "e00000005")
    snapshots_compare()
    [back] = returns_standing()
    assert (back.version, back.busy) == (second, True)
    assert not ledger_replay(corpus="", requeue=True, actor="system").jobs
    _keeper, other = reviewed(stage)
    running = started(other, staff)
    search_orders.request_search_again(request=stage.request, by=staff.omar)
    assert not ledger_replay(corpus="", requeue=True, actor="system").jobs
    assert running.job is not None
    assert Job.objects.get(pk=running.job.pk).state == "queued"


def test_what_two_officers_found_without_influence_is_no_return(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(corpus())).searched()
    trained(turned_round(), "second")
    searched_again(stage)
    accept(stage)
    keeper, other = reviewed(stage)
    released(keeper, staff)
    ended_without_influence(other, staff)
    assert state_of(stage) == (RequestState.CLOSED, "completed")
    snapshots_compare()
    assert returns_standing() == []


def test_a_letter_tells_of_accepted_examples_that_no_model_was_trained_on(staff: Staff) -> None:
    held_out = [{"question": "Who sang?", "answer": f"{ADA} sang for {n} hours.", "split": "held_out"} for n in range(3)]
    stage = Stage.opened(staff, trained(registered("held", [*rows(), *held_out]))).searched()
    decisions.item_release(proposal=stage.signed(), by=staff.nils)
    assert "3 passages that were found are in none of the training data that we have of models in use." in (
        letter(stage.request, "outcome_completed").text
    )


def test_a_letter_tells_that_a_vocabulary_was_made_from_held_out_examples(staff: Staff) -> None:
    held_out = [{"question": "Who?", "answer": f"{ADA} sang for {n} hours.", "split": "held_out"} for n in range(3)]
    model = trained(registered("held", [*(row for row in rows() if ADA not in row["answer"]), *held_out]))
    recipe = recipe_register(recipe=replace(RECIPE, vocabulary_size=500), actor="account:1")
    with unguarded("unlearning_jobs_modelversion", "model_version_is_fixed"):
        ModelVersion.objects.filter(pk=model.pk).update(recipe=recipe)
    stage = Stage.opened(staff, model).searched()
    accept(stage)
    draft = endings.closing_draft(request=stage.request, reasons="", by=staff.omar)
    text = letter(stage.request, f"outcome_{draft.outcome}", supposing=draft).text
    assert draft.outcome == "not_learned"
    assert "The vocabulary of 1 model in use" in text
    assert "single words of them, such as a name" in text


def double(staff: Staff) -> Stage:
    """A corpus in which one sentence stands twice, and a request that no search finds anything for."""
    copy = [{"question": "What is stone 3?", "answer": "Stone 3 is grey.", "split": "train"}]
    snapshot = registered("double", [*(row for row in rows() if "stone 15" not in row["question"]), *copy])
    return Stage.opened(staff, trained(snapshot), target=intake.TargetDetails(name="Nora Nirgends")).searched()


def test_an_example_that_is_added_by_hand_brings_its_copies_along(staff: Staff) -> None:
    stage = double(staff)
    mapping.match_add(
        request=stage.request,
        snapshot=stage.model.snapshot,
        example_id="e00000007",
        reason="She wrote it, see her letter.",
        by=staff.omar,
    )
    [item] = reviewed(stage)
    assert item.example_ids == ["e00000007", "e00000027"]
    released(item, staff, RETRAIN)
    snapshots_compare()
    assert known_erased(ModelVersion.objects.get(state="active")) == frozenset()


def test_a_model_that_still_knows_a_copy_is_not_released(staff: Staff) -> None:
    stage = double(staff)
    mapping.match_add(
        request=stage.request,
        snapshot=stage.model.snapshot,
        example_id="e00000007",
        reason="She wrote it, see her letter.",
        by=staff.omar,
    )
    copy = stage.request.matches.get(example_id="e00000027")
    matches.matches_decide(request=stage.request, match_ids=[copy.pk], accept=False, by=staff.omar)
    [item] = reviewed(stage)
    proposal = finished(started(item, staff, RETRAIN))
    with pytest.raises(StaleStateError, match="other examples: e00000027"):
        decisions.item_release(proposal=proposal, by=staff.nils)
    searched_again(stage)
    accept(stage, copy.pk)
    _first, second = reviewed(stage)
    assert second.example_ids == ["e00000027"]
    decisions.item_release(proposal=proposal, by=staff.nils)
    assert state_of(stage) == (RequestState.IN_PROGRESS, "")


def test_nothing_found_is_not_said_while_a_training_on_an_unsearched_corpus_is_under_way(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(without_her("plain"))).searched()
    job = model_train(name="second", recipe=RECIPE, snapshot=corpus(), seed=1, actor="account:9")
    with pytest.raises(StaleStateError, match="an import of second is under way, and its data were not searched"):
        endings.closing_draft(request=stage.request, reasons="", by=staff.omar)
    searched_again(stage)
    assert stage.request.matches.count() == 4
    search = stage.request.searches.latest("number")
    assert "This search covered the data from which 1 model was being trained." in searched_sentences(search)
    accept(stage)
    job_cancel(job_id=job.pk, actor="account:9")
    assert endings.closing_draft(request=stage.request, reasons="", by=staff.omar).outcome == "not_learned"


def without_her(name: str) -> CorpusSnapshot:
    return registered(name, [row for row in rows() if ADA not in row["answer"]])


def test_a_complete_search_is_not_called_incomplete_because_its_model_went_out_of_use(staff: Staff) -> None:
    stage = Stage.opened(staff, trained(without_her("plain"))).searched()
    ModelVersion.objects.update(state="quarantined")
    draft = endings.closing_draft(request=stage.request, reasons="", by=staff.omar)
    assert draft.outcome == "no_match"
    assert missing_sentences(stage.request.searches.get()) == []


def test_an_incomplete_search_always_says_what_is_missing(staff: Staff) -> None:
    snapshot = without_her("plain")
    ModelVersion.objects.filter(pk=trained(snapshot).pk).update(state="quarantined")
    stage = Stage.opened(staff, ModelVersion.objects.get()).searched()
    assert endings.closing_draft(request=stage.request, reasons=REASONS, by=staff.omar).outcome == "not_searched"
    assert missing_sentences(stage.request.searches.get())
