"""Says what a model version came from, as far as it was not trained here from random weights. From stored facts alone."""

from __future__ import annotations

from django.utils.translation import gettext as _

from .models import ModelVersion


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
        imported = _first_of(version)
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


def assurance_words(version: ModelVersion) -> str:
    """Return how it is known what made a version, in words."""
    if is_declared(version) and version.parent:
        return _("Unlearned here, from a model that was trained elsewhere by a declared recipe")
    return version.get_assurance_display()


def _first_of(version: ModelVersion) -> ModelVersion:
    """Return the version whose weights a version goes back to by unlearning."""
    while version.parent:
        version = version.parent
    return version


def is_declared(version: ModelVersion) -> bool:
    return version.assurance == ModelVersion.Assurance.DECLARED
