"""The commands that register corpora and models, with a classifier of texts that is really trained."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from unlearning_jobs.engine.artefacts import model_about
from unlearning_jobs.engine.catalogue import METHODS
from unlearning_jobs.engine.contracts import BertArchitecture, Recipe
from unlearning_jobs.engine.sample_corpora import write_notes
from unlearning_jobs.models import CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.runner import job_execute
from unlearning_jobs.selectors import method_obstacles
from unlearning_jobs.services.runs import job_claim

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artefacts")]
RECIPE = Recipe("text_classifier", BertArchitecture(16, 1, 2, 32, 48), 1, 16, 1e-2, vocabulary_size=300)
GRADIENTS = {"npo", "scrub", "salun", "partial_reset", "finetune_retain"}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(RECIPE.to_json()))
    return path


def trained(name: str, recipe: Path, corpus: str) -> Job:
    """The job that the command made, after a worker has run it."""
    call_command("model_register", name, recipe=recipe, corpus=corpus, stdout=StringIO())
    claim = job_claim(job_id=Job.objects.latest("id").pk, worker="test")
    job_execute(claim)
    return Job.objects.latest("id")


def test_a_classifier_of_texts_is_registered_trained_and_offered_its_methods(recipe: Path, tmp_path: Path) -> None:
    said = StringIO()
    call_command("corpus_register", "desk", write_notes(tmp_path), stdout=said)
    assert "Registered desk: 80 held_out, 160 train" in said.getvalue()
    assert CorpusSnapshot.objects.get().corpus.name == "desk"
    assert trained("subjects", recipe, "desk").state == "completed"
    version = ModelVersion.objects.get()
    assert (version.recipe.family, version.state) == ("text_classifier", "active")
    assert model_about(settings.ARTEFACTS / version.path)["family"] == "text_classifier"
    offered = {name for name in METHODS if not method_obstacles(name, version, ["e00000000", "e00000001", "e00000002"])}
    assert offered >= GRADIENTS | {"retrain"}
    assert not offered & {"summation", "certified_removal", "sisa", "dp_sgd"}


def test_a_recipe_of_no_family_is_refused(recipe: Path, tmp_path: Path) -> None:
    call_command("corpus_register", "desk", write_notes(tmp_path), stdout=StringIO())
    recipe.write_text(json.dumps({**RECIPE.to_json(), "family": "diffusion"}))
    with pytest.raises(CommandError, match="family must be one of causal_lm, finetuned_lm, text_classifier"):
        call_command("model_register", "subjects", recipe=recipe, corpus="desk")
    assert not Job.objects.exists()
