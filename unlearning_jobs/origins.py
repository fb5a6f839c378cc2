"""Says what a model version came from, and how that is known. From stored facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.formats.findings import ControlName

from .engine.contracts import Evaluation, Protocol, Recipe
from .models import ModelVersion
from .selectors import trained_first
from .wording import GUARANTEE_WORDS, Words, guarantee_name

TOGETHER: dict[str, Any] = {
    "mean": gettext_lazy("Several answer together: their probabilities are averaged."),
    "vote": gettext_lazy("Several answer together: each has one vote."),
    "merge": gettext_lazy("Several are merged into one."),
}
"""What became of the networks, or adapters, of several shards, by the aggregation of the recipe."""


def origin_sentences(version: ModelVersion) -> list[str]:
    """Return how it is known what made a version, and what people must know of its origin."""
    sentences = []
    if is_behavioural(version):
        return [_behavioural_sentence(version)]
    if not is_declared(version):
        sentences.append(_reproduced_sentence(version))
    if version.checkpoint:
        sentence = _(
            "%(model)s starts from the checkpoint “%(checkpoint)s”, which was trained elsewhere and may have known these"
            " data before. What is said here is about what was learned after it."
        )
        sentences.append(sentence % {"model": version, "checkpoint": version.checkpoint})
    if is_declared(version):
        imported = trained_first(version)
        if imported == version:
            sentence = _(
                "%(model)s was trained elsewhere. Its recipe and its training examples are what was declared when it was"
                " imported; nobody here watched that training."
            )
        else:
            sentence = _(
                "%(model)s was made here, by unlearning, and goes back to %(imported)s, which was trained elsewhere. Its"
                " recipe and its training examples are what was declared when that was imported; nobody here watched that"
                " training."
            )
        sentences.append(sentence % {"model": version, "imported": imported})
    return sentences


def _reproduced_sentence(version: ModelVersion) -> str:
    if not version.steps:
        return _("%(model)s was trained here, by its recipe.") % {"model": version}
    sentence = _("%(model)s was made here, by unlearning, and goes back to a training here, by its recipe.")
    return sentence % {"model": version}


def _behavioural_sentence(version: ModelVersion) -> str:
    imported = trained_first(version)
    if imported == version:
        sentence = _(
            "%(model)s was trained elsewhere, and nobody declared how. Its recipe only says what methods need to know of it."
            " It has the form of the checkpoint “%(checkpoint)s”; what it learned, and from which data, is what the owner of"
            " its corpus says. No model can be trained here to compare it with."
        )
    else:
        sentence = _(
            "%(model)s was made here, by unlearning, and goes back to %(imported)s, which was trained elsewhere, and nobody"
            " declared how. Its recipe only says what methods need to know of it. It has the form of the checkpoint"
            " “%(checkpoint)s”; what it learned, and from which data, is what the owner of its corpus says. No model can be"
            " trained here to compare it with."
        )
    return sentence % {"model": version, "imported": imported, "checkpoint": version.checkpoint}


def stage_sentences(version: ModelVersion) -> list[str]:
    """Return in which shards and stages a version was trained; nothing if it learned all examples at once."""
    recipe = Recipe.from_json(version.recipe.body)
    sharding = recipe.sharding
    if sharding is None:
        return []
    sentences = [ngettext("Trained in %(n)d stage.", "Trained in %(n)d stages.", sharding.slices) % {"n": sharding.slices}]
    if sharding.shards > 1:
        sentence = (
            _(
                "The recipe has %(shards)d shards (slices of each: %(slices)d). Each that had examples left when it was"
                " trained has an adapter on one checkpoint."
            )
            if recipe.architecture.adapts
            else _(
                "The recipe has %(shards)d shards (slices of each: %(slices)d). Each that had examples left when it was"
                " trained has a network."
            )
        )
        words = {"shards": sharding.shards, "slices": sharding.slices}
        sentences = [sentence % words, str(TOGETHER[sharding.aggregation])]
    if sharding.placement == "by_expected_deletion":
        sentences.append(_("The likeliest deletions come last."))
    return sentences


def assurance_words(version: ModelVersion) -> str:
    """Return how it is known what made a version, in words."""
    if is_behavioural(version) and version.parent:
        return _("Unlearned here, from a model that was trained elsewhere; nobody declared how")
    if is_declared(version) and version.parent:
        return _("Unlearned here, from a model that was trained elsewhere by a declared recipe")
    return version.get_assurance_display()


_NO_RETRAINING: Any = gettext_lazy(
    "Nobody declared how this model was trained, so nothing shows what training without the examples would give."
)
AGAINST_REPLICATES: Final[ControlName] = "declared_against_replicates"
"""The control that compares a declared model with models of its recipe."""


def is_declared(version: ModelVersion) -> bool:
    return version.assurance == ModelVersion.Assurance.DECLARED


def is_behavioural(version: ModelVersion) -> bool:
    """Return whether nobody declared how a version was trained."""
    return version.assurance == ModelVersion.Assurance.BEHAVIOURAL


def is_from_elsewhere(version: ModelVersion) -> bool:
    """Return whether others trained a version, or what it was unlearned from, so that nobody here watched that."""
    return version.assurance != ModelVersion.Assurance.REPRODUCED


def guarantee_for(method: str, version: ModelVersion, protocol: Protocol, evaluation: Evaluation | None = None) -> Words:
    """Return what a method guarantees, and what that leaves open for a version of which others made a part.

    With the evaluation of the result, this includes whether the version was found to fit the recipe that is declared for it.
    """
    return guarantee_about(guarantee_name(method), version, protocol, evaluation)


def guarantee_about(
    guarantee: str, version: ModelVersion, protocol: Protocol | None = None, evaluation: Evaluation | None = None
) -> Words:
    """Return what a guarantee is, and what it leaves open for a version of which others made a part.

    Args:
        guarantee: its name.
        version: what is unlearned from.
        protocol: by which that is measured; None before it is proposed.
        evaluation: what was measured; None before that.
    """
    words, left_open = GUARANTEE_WORDS[guarantee], []
    if guarantee not in ("exact", "certified", "empirical"):
        return words
    if is_behavioural(version):
        left_open.append(_NO_RETRAINING)
    elif version.checkpoint:
        sentence = _("Training is what followed the checkpoint “%(checkpoint)s”, which may know the examples all the same.")
        left_open.append(sentence % {"checkpoint": version.checkpoint})
    if is_declared(version) and guarantee != "certified":  # certified methods are refused for it
        left_open.append(_compared_words(protocol, evaluation))
    return replace(words, sentence=" ".join(map(str, (words.sentence, *left_open))))


def _compared_words(protocol: Protocol | None, evaluation: Evaluation | None) -> str:
    """Return whether a declared model is compared with its recipe: it is where replicates are trained by that."""
    found = [control.behaved for control in evaluation.controls if control.name == AGAINST_REPLICATES] if evaluation else []
    if found:
        fits = _(
            "The training is by the recipe that was declared for the model. A control compared the model with replicates"
            " that were trained by it, and found it near them."
        )
        differs = _(
            "The training is by the recipe that was declared for the model. A control compared the model with replicates"
            " that were trained by it, and could not take it for one of them: the recipe may not be its own."
        )
        return fits if all(found) else differs
    if protocol is None:
        return _(
            "The training is by the recipe that was declared for the model. Only where replicates of the original are"
            " trained, a control compares the model with it."
        )
    if protocol.replicate_seeds:
        return _("The training is by the recipe that was declared for the model, and a control compares the model with it.")
    return _("The training is by the recipe that was declared for the model, and nothing compares the model with it.")
