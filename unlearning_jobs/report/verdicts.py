"""What a verdict says, in a sentence that is true for what it rests on."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from unlearning_jobs.engine.contracts import Evaluation
from unlearning_jobs.wording import VERDICTS

from .twins import twins_sentence

BY_GUARANTEE: dict[tuple[str, str], Any] = {
    ("passed", "exact"): gettext_lazy(
        "The evidence of the process shows a result as a training gives it in which the examples took no part. The"
        " measurements do not contradict it."
    ),
    ("passed", "certified"): gettext_lazy(
        "The result carries a certificate, and the measurements do not show that the model was damaged."
    ),
    ("passed", ""): gettext_lazy(
        "By the protocol, the method gives models like those trained without the examples, and so is the model that would be"
        " released, within the margins fixed beforehand."
    ),
    ("failed", "exact"): gettext_lazy(
        "The evidence of the process does not show what the method promises, the measurements contradict it, or the model’s"
        " answers are no numbers."
    ),
    ("failed", "certified"): gettext_lazy(
        "The certificate is missing, the measurements show that the model was damaged, or its answers are no numbers."
    ),
    ("failed", ""): gettext_lazy(
        "At least one quantity that the protocol judges lies outside its margin around models trained without the examples,"
        " or the model’s answers are no numbers."
    ),
}
"""What a verdict says by what it rests on: the process of an exact or certified method, or measurements alone ("")."""
UNMEASURED: dict[tuple[str, str], Any] = {
    ("passed", "exact"): gettext_lazy(
        "The evidence of the process shows a result as a training gives it in which the examples took no part. Nothing could"
        " be measured that might have contradicted it."
    ),
    ("passed", "certified"): gettext_lazy(
        "The result carries a certificate. Nothing could be measured, so nothing is known about damage to the model."
    ),
}
"""The same where no model could be compared with the result, because their answers are no numbers."""


def verdict_sentence(evaluation: Evaluation, guarantee: str) -> str:
    """Say what the verdict says: by the guarantee if it rests on the process, and by whether anything was measured."""
    if evaluation.twins is not None:
        return twins_sentence(evaluation.twins)
    outcome, basis = evaluation.verdict.outcome, guarantee if evaluation.process else ""
    said = BY_GUARANTEE | UNMEASURED if evaluation.gap is None else BY_GUARANTEE
    return str(said.get((outcome, basis), VERDICTS[outcome].sentence))
