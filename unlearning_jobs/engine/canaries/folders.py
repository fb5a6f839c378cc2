"""Measures the canaries in two models that lie in folders, and judges by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from unlearning_jobs.engine.artefacts import model_about, model_digest
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.judging.folders import read_judged, reading
from unlearning_jobs.engine.training.model import TrainedModel, to_device

from .drawing import Draw
from .judgement import CanaryJudgement, judge_scores
from .source import CanarySource


def judge_folders(
    source: CanarySource,
    draw: Draw,
    device: torch.device,
    on_open: Callable[[str], None] = lambda _original: None,
    on_model: Callable[[Path], None] = lambda _folder: None,
) -> CanaryJudgement:
    """Check the opened draw, score every canary once in each model, and judge.

    Args:
        source: the models, and what was said before the training.
        draw: the draw.
        device: where the models run.
        on_open: told the digest of the original that the draw is opened for, before anything is known of it.
        on_model: told each folder before its model is measured.

    Raises:
        SpecError: the draw is not the one that was committed to, is for another model or corpus, or has been opened for
            another original; the original says that it was trained on other examples; or a model cannot be read.
        CorpusError: the snapshot cannot be read.
    """
    # 1. What was sealed is what is opened now.
    snapshot = Snapshot.open(source.snapshot)
    draw.check(model=source.model, commitment=source.commitment, snapshot=snapshot, erased=source.excluded)
    digests = {"original": model_digest(source.original), "unlearned": model_digest(source.unlearned)}
    if draw.opened_for not in ("", digests["original"]):
        message = (
            "This draw has been opened for another original. A draw decides about one model alone: where two share one, an"
            " unlucky half looks like a fault of both."
        )
        raise SpecError(message)
    is_checked = _check_trained(source, draw, snapshot)
    on_open(digests["original"])
    # 2. Every canary once, in each model.
    examples, read = snapshot.get(draw.ids), ""
    scores: list[dict[str, float]] = []
    for folder in (source.original, source.unlearned):
        on_model(folder)
        model = read_judged(folder, template=source.template, max_length=source.max_length)
        if read and reading(model, examples) != read:
            message = f"The model in {folder.name} reads examples otherwise than the original; its tokenizer differs."
            raise SpecError(message)
        read = reading(model, examples)
        scores.append(_scores(model, examples, device))
    # 3. The judgement.
    found = replace(judge_scores(draw, scores[0], scores[1], source.forgotten), models=digests, is_checked=is_checked)
    if digests["original"] == digests["unlearned"]:
        nothing = "Both folders hold the same model, file by file: nothing was done."
        return replace(found, reasons=(*found.reasons, nothing))
    return found


def _check_trained(source: CanarySource, draw: Draw, snapshot: Snapshot) -> bool:
    """Compare the draw with what the original says that it was trained on; False if it says nothing about that."""
    stated = model_about(source.original).get("manifest_digest")
    if stated is None:
        return False
    left_out = {*draw.left_out, *source.excluded}
    trained = [example.id for example in snapshot.examples("train") if example.id not in left_out]
    if stated != snapshot.manifest_digest(trained):
        message = (
            "The original was not trained on all examples but the half that was drawn: it belongs to another draw, or its"
            " training left out more, which --excluded names."
        )
        raise SpecError(message)
    return True


def _scores(model: TrainedModel, examples: list[Example], device: torch.device) -> dict[str, float]:
    """Return the log-odds of every canary, as the verdict uses them."""
    to_device(model.network, device)
    rows = measure(model, examples, everything=False)
    return {example.id: row["margin"] for example, row in zip(examples, rows, strict=True)}
