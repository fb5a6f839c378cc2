"""Choosing a method and its evaluation, through the pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from requests_app.casework.proposal_form import setting_field
from requests_app.models import Proposal
from tests.factories import RECIPE, unlearning_job
from tests.staging import Stage, job_completed, trained, unguarded
from tests.web.pages import Site, text_of
from unlearning_jobs.engine.catalogue import METHODS, complete_config
from unlearning_jobs.engine.contracts import (
    DEFAULT_ESTIMANDS,
    ClassifierArchitecture,
    LogisticArchitecture,
    Protocol,
    Recipe,
    Sharding,
)
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion, RegisteredRecipe
from unlearning_jobs.selectors import method_obstacles

pytestmark = pytest.mark.django_db


@pytest.fixture
def choose(stage: Stage) -> str:
    stage.searched().granted()
    return f"/cases/{stage.request.reference}/items/1/propose/"


def test_methods_that_can_run_are_choices_with_guarantee_and_cost_and_the_others_say_why_they_cannot(
    omar: Site, choose: str
) -> None:
    page = omar.get(choose)
    shown = [str(field.get("value")) for field in page.all("input", name="method")]
    assert shown[0] == "retrain"
    assert "npo" in shown
    assert "summation" not in shown
    assert "Retrain without the data exact Trains the model again" in page.words
    others = text_of(page.one("details", class_="impossible"))
    assert "Subtract from the sums exact Subtract from the sums works on summation only" in others
    assert {entry.title for entry in METHODS.values() if entry.for_production} == {
        title for title in (entry.title for entry in METHODS.values()) if title in page.words
    }


def test_a_method_for_benchmarks_cannot_be_chosen(stage: Stage, omar: Site, choose: str) -> None:
    assert "Oracle matching" not in omar.get(choose).words
    assert "there for benchmarks" in " ".join(method_obstacles("oracle_matching", stage.model, ["e00000000"]))


def test_the_settings_are_those_of_the_catalogue_with_their_defaults(omar: Site, choose: str) -> None:
    omar.submit(omar.get(choose), {"method": "npo"})
    assert Proposal.objects.get().method == {"name": "npo", "config": complete_config("npo", {})}


def test_a_model_is_offered_the_defaults_that_were_tuned_for_such_models() -> None:
    pace = next(option for option in METHODS["npo"].options if option.name == "learning_rate_share")
    classifier = Recipe("classifier", ClassifierArchitecture("mlp"), 1, 8, 0.1, optimizer="sgd")
    assert setting_field(pace, classifier).initial == complete_config("npo", {}, classifier)["learning_rate_share"] == 0.2
    assert setting_field(pace, RECIPE).initial == complete_config("npo", {}, RECIPE)["learning_rate_share"] == 0.1


def test_where_no_method_can_run_there_is_nothing_to_choose_and_all_say_why(stage: Stage, omar: Site, choose: str) -> None:
    CorpusSnapshot.objects.filter(pk=stage.model.snapshot_id).update(counts={"train": 4, "held_out": 8})
    page = omar.get(choose)
    assert not page.all("input", name="method")
    assert page.words.count("Nothing would be left") == sum(entry.for_production for entry in METHODS.values())
    refused = omar.submit(page, {"method": "retrain"}, status=422)
    assert refused.errors[0][1] == "This method cannot run here. Choose another one."


def test_choosing_no_method_is_an_error(omar: Site, choose: str) -> None:
    page = omar.submit(omar.get(choose), status=422)
    assert page.errors == [("id_method_0", "Choose a method.")]


def test_a_wrong_setting_of_the_chosen_method_is_an_error_and_is_kept(omar: Site, choose: str) -> None:
    page = omar.submit(omar.get(choose), {"method": "npo", "npo-steps": "-3"}, status=422)
    assert page.errors[0][0] == "id_npo-steps"
    assert page.one("input", id="id_npo-steps").get("value") == "-3"


def test_settings_of_other_methods_are_not_checked(omar: Site, choose: str) -> None:
    omar.submit(omar.get(choose), {"method": "retrain", "npo-steps": "many"})
    assert Proposal.objects.get().method == {"name": "retrain", "config": {}}


def test_seeds_are_drawn_by_the_server_and_never_the_models_own(stage: Stage, omar: Site, choose: str) -> None:
    page = omar.submit(omar.get(choose), {"method": "npo", "replicates": "2", "oracles": "9", "looks": "1"})
    protocol = Protocol.from_json(Proposal.objects.get().protocol)
    seeds = {*protocol.replicate_seeds, *protocol.oracle_seeds}
    assert (len(protocol.replicate_seeds), len(protocol.oracle_seeds)) == (2, 9)
    assert len(seeds) == 11
    assert stage.model.seed not in seeds
    assert all(str(seed) in page.words for seed in seeds)


def proposed(omar: Site, choose: str, **values: str) -> Protocol:
    omar.submit(omar.get(choose), values)
    return Protocol.from_json(Proposal.objects.get().protocol)


def test_an_exact_method_is_proposed_with_four_independent_oracles_and_no_replicates(omar: Site, choose: str) -> None:
    protocol = proposed(omar, choose, method="retrain")
    assert (protocol.design, protocol.replicate_seeds, len(protocol.oracle_seeds)) == ("independent", (), 4)
    assert protocol.looks == 1


def test_an_empirical_method_on_a_model_of_texts_is_proposed_with_independent_models(omar: Site, choose: str) -> None:
    protocol = proposed(omar, choose, method="npo")
    assert (protocol.design, len(protocol.replicate_seeds), len(protocol.oracle_seeds)) == ("independent", 4, 8)
    assert protocol.looks == 2


def test_pairs_are_proposed_and_explained_where_earlier_jobs_on_the_model_showed_that_they_pay(
    stage: Stage, omar: Site, choose: str
) -> None:
    earlier(stage, "npo", "passed", {"spread": 0.2, "saved_by_pairs": 12.0})
    page = omar.get(choose)
    assert "pairs made the comparison precise enough to be worth their trainings" in page.words
    assert "8 pairs of an unlearned model and its oracle, and 2 independent oracles." in page.words
    protocol = proposed(omar, choose, method="npo")
    assert (protocol.design, len(protocol.replicate_seeds), len(protocol.oracle_seeds)) == ("paired", 7, 2)


def test_the_officer_may_choose_another_comparison_and_other_sizes(omar: Site, choose: str) -> None:
    protocol = proposed(omar, choose, method="npo", design="paired", looks="1", alpha="0.1")
    assert (protocol.design, len(protocol.replicate_seeds), len(protocol.oracle_seeds)) == ("paired", 7, 2)
    assert (protocol.looks, protocol.alpha) == (1, 0.1)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"method": "npo", "replicates": "0"}, "oracles", "At least two unlearned models"),
        ({"method": "retrain", "oracles": "3"}, "oracles", "at least four independent oracles"),
        ({"method": "retrain", "looks": "2"}, "oracles", "compared in one look"),
        ({"method": "retrain", "design": "paired"}, "oracles", "at least four independent oracles"),
        ({"method": "npo", "alpha": "0.2"}, "alpha", "0.1"),
        ({"method": "npo", "looks": "9"}, "looks", "4"),
    ],
)
def test_sizes_that_could_not_decide_are_refused_with_their_fields_open(
    omar: Site, choose: str, values: dict[str, str], field: str, words: str
) -> None:
    page = omar.submit(omar.get(choose), values, status=422)
    assert words in page.field_error(field)
    assert any(details.get("open") is not None for details in page.all("details") if "size" in text_of(details))
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("method", ["npo", "retrain"])
def test_a_level_by_which_anything_could_pass_is_refused(omar: Site, choose: str, method: str) -> None:
    page = omar.get(choose)
    for alpha in ("0.8", "1", "0", "-0.05", "nan", "inf", ""):
        assert omar.submit(page, {"method": method, "alpha": alpha}, status=422).field_error("alpha"), alpha
    assert not Proposal.objects.exists()


def test_no_field_of_ones_own_changes_the_margins_or_what_is_judged(omar: Site, choose: str) -> None:
    page, forged = omar.get(choose), {"margin": "1000", "forget_location": "1000", "estimands": "[]", "protocol": "{}"}
    omar.submit(page, {"method": "npo"} | forged)
    assert Protocol.from_json(Proposal.objects.get().protocol).estimands == DEFAULT_ESTIMANDS


def test_a_model_in_closed_form_is_not_compared_in_pairs(stage: Stage, omar: Site, choose: str) -> None:
    recipe = Recipe("logistic", LogisticArchitecture(), 1, 8, 0.1)
    with unguarded("unlearning_jobs_registeredrecipe", "recipe_is_fixed"):
        RegisteredRecipe.objects.filter(model_versions=stage.model).update(body=recipe.to_json(), digest=recipe.digest())
    page = omar.submit(omar.get(choose), {"method": "nothing", "design": "paired"}, status=422)
    assert "cannot be compared in pairs" in page.field_error("oracles")


def in_stages(stage: Stage, sharding: Sharding) -> None:
    recipe = replace(RECIPE, sharding=sharding, epochs=max(RECIPE.epochs, sharding.slices))
    with unguarded("unlearning_jobs_registeredrecipe", "recipe_is_fixed"):
        RegisteredRecipe.objects.filter(model_versions=stage.model).update(body=recipe.to_json(), digest=recipe.digest())


def test_the_page_says_what_the_placement_of_a_model_in_stages_makes_a_deletion_cost(
    stage: Stage, omar: Site, choose: str
) -> None:
    assert "lie at random in the shards" not in omar.get(choose).words
    in_stages(stage, Sharding(shards=1, slices=2))
    page = omar.get(choose)
    assert "(shards: 1, slices of each: 2). Deleting one of them is expected to cost 83 % of a training." in page.words
    assert "% of a training if every stage is still saved, and a whole one if none is." in page.words
    assert "Accuracy on held-out examples" not in page.words
    assert "replay" in [str(field.get("value")) for field in page.all("input", name="method")]


def test_the_page_says_what_the_training_of_such_a_model_measured(stage: Stage, omar: Site, choose: str) -> None:
    in_stages(stage, Sharding(shards=1, slices=2))
    job = unlearning_job(stage.model, subject="request:LE-9999-9999")
    measured = {"accuracies": {"mean": 0.914, "merge": 0.9}}
    with unguarded("unlearning_jobs_job", "job_order_is_fixed"):
        Job.objects.filter(pk=job.pk).update(kind="train", base=None, result_version=stage.model, costs=measured)
    assert "as its training measured it: mean 91.4 %, merge 90 %." in omar.get(choose).words


def test_before_any_job_on_the_model_the_chance_of_a_decision_is_not_known(omar: Site, choose: str) -> None:
    assert "How likely it is to decide is not known yet" in omar.get(choose).words


def test_the_chance_of_a_decision_follows_from_what_earlier_jobs_on_the_model_measured(
    stage: Stage, omar: Site, lena: Site, choose: str
) -> None:
    for outcome in ("passed", "inconclusive"):
        earlier(stage, "npo", outcome, {"spread": 0.1, "saved_by_pairs": None})
    earlier(stage, "retrain", "passed", None)
    page = omar.get(choose)
    assert "In 2 earlier jobs on this model, the mean margin of retrained models varied by 0.1" in page.words
    assert "Of 2 earlier jobs on this model that rested on measurements, the measurements decided 1." in page.words
    omar.submit(page, {"method": "npo"})
    review = lena.get(f"{choose.removesuffix('propose/')}proposals/1/").words
    assert "the first look decides that with a probability of about" in review
    assert "if its first look decides" in review


def test_jobs_on_another_model_say_nothing_about_this_one(stage: Stage, omar: Site, choose: str) -> None:
    earlier(
        replace(stage, model=trained(stage.model.snapshot, "another")),
        "npo",
        "passed",
        {"spread": 0.1, "saved_by_pairs": None},
    )
    assert "How likely it is to decide is not known yet" in omar.get(choose).words


def test_an_exact_result_is_announced_as_released_on_its_process(omar: Site, lena: Site, choose: str) -> None:
    omar.submit(omar.get(choose), {"method": "retrain"})
    review = lena.get(f"{choose.removesuffix('propose/')}proposals/1/").words
    assert "The result is released on the evidence of its process." in review
    assert "The one unlearned model, and 4 independent oracles." in review
    assert "Including the evaluation" in review


def earlier(stage: Stage, method: str, outcome: str, precision: dict[str, float | None] | None) -> None:
    """A completed job on the same model, with what it measured of its own precision."""
    job = job_completed(unlearning_job(stage.model, item=f"item-{Job.objects.count() + 10}"))
    Job.objects.filter(pk=job.pk).update(costs=job.costs | {"precision": None})  # the one that is copied measured nothing
    job.pk, job.result_version, job.verdict = None, None, outcome
    job.spec |= {"method": {"name": method, "config": {}}}
    job.costs |= {"precision": precision}
    job.save(force_insert=True)


def test_without_held_out_examples_nothing_is_judged_on_them(stage: Stage, omar: Site, choose: str) -> None:
    CorpusSnapshot.objects.filter(pk=stage.model.snapshot_id).update(counts={"train": 20})
    omar.submit(omar.get(choose), {"method": "retrain"})
    protocol = Protocol.from_json(Proposal.objects.get().protocol)
    assert {estimand.examples for estimand in protocol.estimands} == {"forget", "retain"}


def test_a_second_proposal_for_the_same_item_is_refused(omar: Site, choose: str) -> None:
    page = omar.get(choose)
    omar.submit(page, {"method": "retrain"})
    again = omar.submit(page, {"method": "npo"}, status=409)
    assert "You cannot choose a method now. The item’s state is" in again.words
    assert Proposal.objects.count() == 1


def test_without_an_active_model_version_the_page_says_so(omar: Site, choose: str) -> None:
    ModelVersion.objects.update(state="quarantined")
    assert "has no active version" in omar.get(choose, status=409).words
