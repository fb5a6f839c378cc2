"""Says in which stages a model was trained, and what that makes a deletion cost, beside what it gets right."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.advisor import Situation, about_placement
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.selectors import held_out_accuracies


def placement_sentences(situation: Situation, base: ModelVersion) -> Iterator[str]:
    """Yield what officers read about the stages of a model; nothing for one that was trained at once."""
    yield from (_(placed.sentence) % placed.numbers for placed in about_placement(situation.facts))
    accuracies = held_out_accuracies(base)
    ways = [f"{way} {_in_percent(share)}" if way else _in_percent(share) for way, share in sorted(accuracies.items())]
    if ways:
        yield _("Accuracy on held-out examples, as its training measured it: %(ways)s.") % {"ways": ", ".join(ways)}


def _in_percent(share: float) -> str:
    return f"{number(round(100 * share, 1))} %"
