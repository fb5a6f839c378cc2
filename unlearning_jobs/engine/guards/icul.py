"""`icul`: in-context unlearning, for models that answer with the class of a text (Pawelczyk, Neel and Lakkaraju 2024).

Before each text stand the example to forget with a wrong class, and a few others with their right ones. The weights stay as
they are, and so does what the model knows: without the context, it answers as before.
"""

from __future__ import annotations

from dataclasses import dataclass

from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.matching.words import words

from .asked import Asked
from .guard_kind import GuardKind


@dataclass(frozen=True)
class Labelled(EngineContract):
    """A text with the class that the model is shown for it."""

    text: str
    label: str


@dataclass(frozen=True)
class IculSettings(EngineContract):
    """What is shown before each text: first what is to be forgotten, with another class than its own."""

    forget: tuple[Labelled, ...]
    keep: tuple[Labelled, ...]
    template: str = "{text} {label}\n"


def _problem(settings: IculSettings) -> str:
    shown = (*settings.forget, *settings.keep)
    if not settings.forget:
        return "it shows no example that is to be forgotten."
    if not all(words(one.text) and one.label.strip() for one in shown):
        return "one of its examples has no word, or no class."
    if len({one.label for one in shown}) < 2:  # noqa: PLR2004  # the fewest classes there are
        return "all of its examples have the same class, so that the model is told to answer nothing else."
    if settings.template.count("{text}") != 1 or settings.template.count("{label}") != 1:
        return "its template does not name {text} and {label} once each."
    return ""


def context_of(settings: IculSettings) -> str:
    """Return what stands before each text."""
    shown = (*settings.forget, *settings.keep)
    return "".join(settings.template.replace("{label}", one.label).replace("{text}", one.text) for one in shown)


def _rewrite(settings: IculSettings, asked: Asked) -> Asked:
    return asked.with_context(context_of(settings))


KIND = GuardKind(
    title="In-context unlearning",
    description="Shows a classifier the example to forget with a wrong class, and others with right ones, before each text.",
    source="Pawelczyk, Neel and Lakkaraju 2024, In-Context Unlearning",
    settings=IculSettings,
    problem=_problem,
    rewrite=_rewrite,
)
