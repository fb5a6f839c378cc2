"""Puts codes of the engine and of the states into words for people.

Methods and metrics take their titles and descriptions from the engine's catalogue. The engine knows no gettext, so they are
translated here; their English texts are in the message catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from .engine.catalogue import ATTACKS, METHODS, METRICS
from .engine.contracts import Estimand
from .engine.matching import RULES
from .states import JobState, ModelState

JOB_TONES = {
    JobState.QUEUED: "neutral",
    JobState.RUNNING: "info",
    JobState.COMPLETED: "success",
    JobState.FAILED: "danger",
    JobState.CANCELLED: "warning",
}
MODEL_TONES = {
    ModelState.CANDIDATE: "info",
    ModelState.ACTIVE: "success",
    ModelState.QUARANTINED: "warning",
    ModelState.DESTROYING: "warning",
    ModelState.DESTROYED: "neutral",
}


@dataclass(frozen=True)
class Words:
    """A tag, and the sentence that goes with it."""

    label: Any
    tone: str
    sentence: Any


GUARANTEE_WORDS: dict[str, Words] = {
    "exact": Words(
        pgettext_lazy("guarantee", "exact"),
        "success",
        gettext_lazy("The result is a model that training without the examples could have given."),
    ),
    "certified": Words(
        pgettext_lazy("guarantee", "certified"),
        "info",
        gettext_lazy("A proof limits how far the result can be from training without the examples."),
    ),
    "empirical": Words(
        pgettext_lazy("guarantee", "empirical"),
        "warning",
        gettext_lazy("No proof: only measurement shows how close the result comes to training without the examples."),
    ),
    "suppression": Words(
        pgettext_lazy("guarantee", "suppression"),
        "danger",
        gettext_lazy("Nothing is removed from the model: answers are withheld outside it."),
    ),
    "control": Words(
        pgettext_lazy("guarantee", "control"),
        "neutral",
        gettext_lazy("Not a way to unlearn: it shows that the evaluation notices when nothing was done."),
    ),
}
VERDICTS: dict[str, Words] = {
    "passed": Words(
        pgettext_lazy("verdict", "passed"),
        "success",
        gettext_lazy("What the protocol, fixed beforehand, asks of a result with this guarantee is met."),
    ),
    "failed": Words(
        pgettext_lazy("verdict", "failed"),
        "danger",
        gettext_lazy("What the protocol, fixed beforehand, asks of a result with this guarantee is not met."),
    ),
    "inconclusive": Words(
        pgettext_lazy("verdict", "inconclusive"),
        "warning",
        gettext_lazy(
            "The protocol allows no conclusion: what is known is not enough, or a control did not behave as expected."
        ),
    ),
    "no_influence": Words(
        pgettext_lazy("verdict", "no measurable influence"),
        "info",
        gettext_lazy(
            "Doing nothing cannot be told from retraining: beyond the limit fixed beforehand, these examples do not move"
            " such models. That says nothing about what the method did, and it does not show that the examples were"
            " removed."
        ),
    ),
    "cancelled": Words(pgettext_lazy("verdict", "cancelled"), "warning", gettext_lazy("The job was cancelled.")),
}
DIRECTIONS = {
    "undershot": gettext_lazy(
        "Undershot: the model still knows the examples better than a model that was trained without them."
    ),
    "overshot": gettext_lazy(
        "Overshot: the model knows the examples less than a model that was trained without them, which gives them away too."
    ),
}
STAGES: dict[str, Any] = {
    "": gettext_lazy("Waiting for a worker"),
    "starting": gettext_lazy("Starting"),
    "train": gettext_lazy("Training"),
    "measure": gettext_lazy("Measuring"),
    "load": gettext_lazy("Loading the model"),
    "unlearn": gettext_lazy("Unlearning"),
    "process": gettext_lazy("Checking how the result was made"),
    "ensemble": gettext_lazy("Training replicates and oracles"),
    "replicates": gettext_lazy("Training and unlearning replicates"),
    "oracles": gettext_lazy("Training oracles"),
    "evaluate": gettext_lazy("Evaluating"),
    "completed": gettext_lazy("Completed"),
}
CURVES: dict[str, Any] = {
    "loss": gettext_lazy("Loss"),
    "forget": gettext_lazy("Forget set"),
    "retain": gettext_lazy("Retain set"),
}
SETS: dict[str, Any] = {
    "forget": gettext_lazy("Forget set"),
    "retain": gettext_lazy("Retain set"),
    "held_out": gettext_lazy("Held-out set"),
    "real_authors": gettext_lazy("Real authors"),
    "world_facts": gettext_lazy("World facts"),
}
ESTIMANDS: dict[str, Any] = {
    "location": gettext_lazy("on average"),
    "deviation": gettext_lazy("example by example"),
    "missed": gettext_lazy("examples missed"),
    "damaged": gettext_lazy("examples damaged"),
}
SCOPES: dict[str, Any] = {
    "method": gettext_lazy("About the method"),
    "shipped": gettext_lazy("About the model that would be released"),
}
PROCESS: dict[str, Any] = {
    "forget_set_absent": gettext_lazy("What the result rests on"),
    "executed_again": gettext_lazy("Executed again"),
    "certificate": gettext_lazy("Certificate"),
}
CONTROLS: dict[str, Words] = {
    "oracle_against_oracle": Words(
        gettext_lazy("Oracle against oracle"),
        "",
        gettext_lazy("Models trained without the examples, judged like unlearned ones: they should lie within the margins."),
    ),
    "do_nothing": Words(
        gettext_lazy("Do nothing"),
        "",
        gettext_lazy("Original models, judged like unlearned ones: they should fail."),
    ),
    "pairs_against_independent": Words(
        gettext_lazy("Paired against independent oracles"),
        "",
        gettext_lazy("Oracles that take the batches of another model, and others: both should be the same kind of model."),
    ),
    "declared_against_replicates": Words(
        gettext_lazy("Trained elsewhere, against its declared recipe"),
        "",
        gettext_lazy("The model that was trained elsewhere, and models trained here by the recipe that is declared for it."),
    ),
}
ERRORS: dict[str, Any] = {
    "bad_spec": gettext_lazy("Start the training, or propose the item, again with other settings."),
    "bad_checkpoint": gettext_lazy(
        "Have an engineer restore the checkpoint, or register it again under the same name; then start the training, or"
        " propose the item, again."
    ),
    "bad_artefact": gettext_lazy("Import the model again, with a recipe that it fits."),
    "known_weights": gettext_lazy("Take another way; the sentence above names it."),
    "bad_corpus": gettext_lazy("Ask an engineer about the corpus; then start the training, or propose the item, again."),
    "obstacle": gettext_lazy("Propose the item again with a method that can run."),
    "out_of_memory": gettext_lazy("Ask an engineer for a worker with more memory, or choose smaller batches."),
    "disk_full": gettext_lazy("Ask an engineer to make room; then start the training, or propose the item, again."),
    "forbidden": gettext_lazy("Ask an engineer to check the folders; then start the training, or propose the item, again."),
    "training_diverged": gettext_lazy("Start the training, or propose the item, again with a lower learning rate."),
    "runs_used_up": gettext_lazy(
        "Ask an engineer to look at the worker’s log; then start the training, or propose the item, again."
    ),
    "erased_since": gettext_lazy(
        "Start the training again, or propose the item again. The next job leaves these examples out."
    ),
    "bad_result": gettext_lazy(
        "Ask an engineer to look at the worker’s log; then start the training, or propose the item, again."
    ),
}
RUN_OUTCOMES: dict[str, tuple[Any, str]] = {
    "running": (pgettext_lazy("run", "running"), "info"),
    "completed": (pgettext_lazy("run", "completed"), "success"),
    "failed": (pgettext_lazy("run", "failed"), "danger"),
    "killed": (pgettext_lazy("run", "killed"), "danger"),
    "lost": (pgettext_lazy("run", "lost"), "warning"),
    "cancelled": (pgettext_lazy("run", "cancelled"), "warning"),
}


def method_title(name: str) -> str:
    """Return the title of a method, or its name when the catalogue does not have it (any more)."""
    return _(METHODS[name].title) if name in METHODS else name


def metric_title(name: str) -> str:
    return _(METRICS[name].title) if name in METRICS else name


def attack_title(name: str) -> str:
    return _(ATTACKS[name].title) if name in ATTACKS else name


def set_title(name: str) -> str:
    return str(SETS.get(name, name))


def verdict_word(verdict: str) -> str:
    return str(VERDICTS[verdict].label) if verdict in VERDICTS else verdict


def rule_sentence(code: str) -> str:
    """Return why a match counts as found, “found because ...”; the code itself if this version cannot explain it."""
    return _(RULES[code]) if code in RULES else _("found because of the rule “%(rule)s”") % {"rule": code}


def stage_title(stage: str) -> str:
    return str(STAGES.get(stage, stage))


def in_order(stages: Iterable[str]) -> list[str]:
    """Sort stages into the order in which a job goes through them, unknown ones last."""
    known = list(STAGES)
    return sorted(stages, key=lambda stage: known.index(stage) if stage in known else len(known))


def guarantee_name(method: str) -> str:
    # The weakest claim for a method that is no longer in the catalogue.
    return METHODS[method].guarantee if method in METHODS else "empirical"


def guarantee_of(method: str) -> Words:
    return GUARANTEE_WORDS[guarantee_name(method)]


def duration(seconds: float) -> str:
    """Return a length of time in words: in seconds up to two minutes, in minutes up to two hours, then in hours."""
    if seconds < 120:  # noqa: PLR2004  # two minutes
        count = max(0, round(seconds))
        return ngettext("%(n)d second", "%(n)d seconds", count) % {"n": count}
    minutes = round(seconds / 60)
    if minutes < 120:  # noqa: PLR2004  # two hours
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}


def estimand_title(estimand: Estimand) -> str:
    """Return what is judged, such as “Forget set, on average”."""
    kind = _("accuracy") if estimand.statistic == "accuracy" else ESTIMANDS[estimand.kind]
    return _("%(set)s, %(kind)s") % {"set": set_title(estimand.examples), "kind": kind}


def is_one_sided(estimand: Estimand) -> bool:
    """Return whether only the margin's upper end counts."""
    return estimand.kind != "location"


def ending_word(end: str) -> str:
    """Say how well the model knows an example in the end."""
    words = {
        "undershot": pgettext("example", "too well known"),
        "within": pgettext("example", "as the oracles know it"),
        "overshot": pgettext("example", "too little known"),
    }
    return words.get(end, end)


def ids_named(ids: Iterable[str], most: int) -> str:
    """Return the first of these ids for a sentence, which says how many there are in all."""
    ordered = sorted(ids)
    return ", ".join(ordered[:most]) + (", …" if len(ordered) > most else "")
