"""Says what a model version came from, as far as it was not trained here from random weights. From stored facts alone."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from .models import ModelVersion
from .wording import GUARANTEE_WORDS, Words, guarantee_name


def origin_sentences(version: ModelVersion) -> list[str]:
    """Return what people must know of a version's origin; nothing if it was trained here, from random weights."""
    sentences = []
    if version.checkpoint:
        sentence = _(
            "%(model)s starts from the checkpoint “%(checkpoint)s”, which was trained elsewhere and may have known these"
            " data before. What is said here is about what was learned after it."
        )
        sentences.append(sentence % {"model": version, "checkpoint": version.checkpoint})
    if is_declared(version):
        sentence = _(
            "%(model)s was trained elsewhere. Its recipe and its training examples are what was declared when it was"
            " imported; nobody here watched that training."
        )
        sentences.append(sentence % {"model": version})
    return sentences


def is_declared(version: ModelVersion) -> bool:
    return version.assurance == ModelVersion.Assurance.DECLARED


def guarantee_for(method: str, version: ModelVersion) -> Words:
    """Return what a method guarantees, and what that leaves open for a version of which others made a part."""
    return guarantee_about(guarantee_name(method), version)


def guarantee_about(guarantee: str, version: ModelVersion) -> Words:
    words, left_open = GUARANTEE_WORDS[guarantee], []
    if guarantee not in ("exact", "certified", "empirical"):
        return words
    if version.checkpoint:
        sentence = _("Training is what followed the checkpoint “%(checkpoint)s”, which may know the examples all the same.")
        left_open.append(sentence % {"checkpoint": version.checkpoint})
    if is_declared(version) and guarantee != "certified":  # certified methods are refused for it
        left_open.append(
            _("The training is by the recipe that was declared for the model, and nothing compares the model with it.")
            if guarantee == "exact"
            else _(
                "The training is by the recipe that was declared for the model, and a control compares the model with it."
            )
        )
    return replace(words, sentence=" ".join([str(words.sentence), *left_open]))
