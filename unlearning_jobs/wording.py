"""Codes of the engine and of the states, in words for people. Titles and descriptions of methods and metrics are the
catalogue's; they go through gettext here, and stand in the message catalogue by their English text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from .engine.catalogue import METHODS, METRICS
from .engine.contracts import Estimand
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


GUARANTEES: dict[str, Words] = {
    "exact": Words(
        pgettext_lazy("guarantee", "exact"),
        "success",
        gettext_lazy("The result is a model that training without the examples gives: they never touched it."),
    ),
    "certified": Words(
        pgettext_lazy("guarantee", "certified"),
        "info",
        gettext_lazy("A proof bounds how far the result can be from training without the examples."),
    ),
    "empirical": Words(
        pgettext_lazy("guarantee", "empirical"),
        "warning",
        gettext_lazy("No proof. How close the result comes to training without the examples is known by measurement alone."),
    ),
    "suppression": Words(
        pgettext_lazy("guarantee", "suppression"),
        "danger",
        gettext_lazy("Nothing is removed from the model: answers are withheld from outside of it."),
    ),
    "control": Words(
        pgettext_lazy("guarantee", "control"),
        "neutral",
        gettext_lazy("Not a way to unlearn. It shows that the evaluation notices when nothing was done."),
    ),
}
VERDICTS: dict[str, Words] = {
    "passed": Words(
        pgettext_lazy("verdict", "passed"),
        "success",
        gettext_lazy(
            "By the protocol, the unlearned models are like models that never saw the examples,"
            " within the margins fixed beforehand."
        ),
    ),
    "failed": Words(
        pgettext_lazy("verdict", "failed"),
        "danger",
        gettext_lazy("Something that the protocol judges lies outside its margin of models that never saw the examples."),
    ),
    "inconclusive": Words(
        pgettext_lazy("verdict", "inconclusive"),
        "warning",
        gettext_lazy("The protocol allows no conclusion: the measurements do not suffice, or a control did not behave."),
    ),
    "cancelled": Words(pgettext_lazy("verdict", "cancelled"), "warning", gettext_lazy("The job was cancelled.")),
}
DIRECTIONS = {
    "undershot": gettext_lazy("Undershot: the examples are still better known than to a model that never saw them."),
    "overshot": gettext_lazy(
        "Overshot: the examples are less known than to a model that never saw them, which gives them away too."
    ),
}
STAGES: dict[str, Any] = {
    "": gettext_lazy("Waiting for a worker"),
    "starting": gettext_lazy("Starting"),
    "train": gettext_lazy("Training"),
    "measure": gettext_lazy("Measuring"),
    "load": gettext_lazy("Loading the model"),
    "unlearn": gettext_lazy("Unlearning"),
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
}
CONTROLS: dict[str, Words] = {
    "oracle_against_oracle": Words(
        gettext_lazy("Oracle against oracle"),
        "",
        gettext_lazy("Models that never saw the examples, compared with one another: no difference may be found."),
    ),
    "do_nothing": Words(
        gettext_lazy("Do nothing"),
        "",
        gettext_lazy("Original models, compared with oracles: the difference must be found."),
    ),
}
ERRORS: dict[str, Any] = {
    "bad_spec": gettext_lazy("Propose the item again with other settings."),
    "bad_corpus": gettext_lazy("Ask an engineer to register the corpus again; then propose the item again."),
    "obstacle": gettext_lazy("Propose the item again with a method that can run."),
    "out_of_memory": gettext_lazy("Ask an engineer for a worker with more memory, or choose smaller batches."),
    "training_diverged": gettext_lazy("Propose the item again with a lower learning rate."),
    "runs_used_up": gettext_lazy("Ask an engineer to look at the worker’s log; then propose the item again."),
    "bad_result": gettext_lazy("Ask an engineer to look at the worker’s log; then propose the item again."),
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
    """What the catalogue calls a method; its name when it is not there (any more)."""
    return _(METHODS[name].title) if name in METHODS else name


def metric_title(name: str) -> str:
    return _(METRICS[name].title) if name in METRICS else name


def set_title(name: str) -> str:
    return str(SETS.get(name, name))


def verdict_word(verdict: str) -> str:
    return str(VERDICTS[verdict].label) if verdict in VERDICTS else verdict


def stage_title(stage: str) -> str:
    return str(STAGES.get(stage, stage))


def in_order(stages: Iterable[str]) -> list[str]:
    """Stages in the order in which a job goes through them; unknown ones last."""
    known = list(STAGES)
    return sorted(stages, key=lambda stage: known.index(stage) if stage in known else len(known))


def guarantee_of(method: str) -> Words:
    """The guarantee of a method by name."""
    return GUARANTEES[METHODS[method].guarantee if method in METHODS else "empirical"]


def duration(seconds: float) -> str:
    """A length of time for people: seconds up to two minutes, minutes up to two hours, then hours."""
    if seconds < 120:  # noqa: PLR2004  # two minutes
        whole = max(0, round(seconds))
        return ngettext("%(n)d second", "%(n)d seconds", whole) % {"n": whole}
    minutes = round(seconds / 60)
    if minutes < 120:  # noqa: PLR2004  # two hours
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    hours = round(minutes / 60)
    return ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours}


def estimand_title(estimand: Estimand) -> str:
    """What is judged, such as “Forget set, on average”."""
    return _("%(set)s, %(kind)s") % {"set": set_title(estimand.examples), "kind": ESTIMANDS[estimand.kind]}


def ending_word(end: str) -> str:
    """Where an example's way ended, in a word."""
    words = {
        "undershot": pgettext("example", "too well known"),
        "within": pgettext("example", "as by the oracles"),
        "overshot": pgettext("example", "too little known"),
    }
    return words.get(end, end)
