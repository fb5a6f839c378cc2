"""Put the size of an evaluation, and what is known of its decision beforehand, into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.formats.protocol import ANNEXED
from compliance.formats.verdicts import Guarantee
from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.advisor import DESIGN_REASONS, Outlook, Precedent, outlook
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.models import ModelVersion
from unlearning_jobs.origins import is_behavioural

from .proposal_form import estimands_for, proposed_design


@dataclass(frozen=True)
class EvaluationWords:
    """A proposed evaluation as an officer reads it."""

    title: str
    size: str
    reason: str
    outlook: list[str]
    """Sentences about how likely it is to decide."""


def proposed_evaluations(base: ModelVersion, precedents: Sequence[Precedent]) -> list[EvaluationWords]:
    """Return the evaluation proposed for methods with evidence besides measurements, and for those without."""
    kinds: tuple[tuple[str, Guarantee], ...] = (
        (_("After an exact or certified method"), "exact"),
        (_("After any other method"), "empirical"),
    )
    if is_behavioural(base):
        kinds = ((_("After any method"), "empirical"),)
    rows = []
    for title, guarantee in kinds:
        design = proposed_design(guarantee, base, precedents)
        protocol = design.protocol(estimands=estimands_for(base))
        sentences = [] if guarantee in ANNEXED else outlook_sentences(guarantee, protocol, precedents)
        rows.append(EvaluationWords(title, size_words(protocol), _(DESIGN_REASONS[design.reason]), sentences))
    return rows


def size_words(protocol: Protocol) -> str:
    """Say how many models are compared, and how often."""
    unlearned, oracles = protocol.unlearned_at(protocol.looks), len(protocol.oracle_seeds)
    if not protocol.has_oracles:
        return _("The one unlearned model and its original, on the examples to unlearn and on held-out ones.")
    if protocol.paired:
        compared = _("%(pairs)d pairs of an unlearned model and its oracle, and %(oracles)d independent oracles.")
    elif unlearned == 1:
        compared = _("The one unlearned model, and %(oracles)d independent oracles.")
    else:
        compared = _("%(unlearned)d unlearned models, and %(oracles)d independent oracles.")
    words = compared % {"pairs": unlearned, "unlearned": unlearned, "oracles": oracles}
    if protocol.looks == 1:
        return words
    looks = _("These are the most; the verdict is tried up to %(looks)d times, first with %(first)d unlearned models.")
    return f"{words} {looks % {'looks': protocol.looks, 'first': protocol.unlearned_at(1)}}"


def outlook_sentences(guarantee: Guarantee, protocol: Protocol, precedents: Sequence[Precedent]) -> list[str]:
    """Say how likely the measurements are to decide, or why that does not matter or is not known."""
    if guarantee == "exact":
        return [
            _(
                "The result is released on the evidence of its process. That does not depend on the measurements, unless"
                " they contradict it."
            )
        ]
    if guarantee == "certified":
        return [
            _(
                "The result is released on its certificate. That does not depend on the measurements, unless they show that"
                " the model was damaged."
            )
        ]
    if not protocol.has_oracles:
        return [_("The verdict will be inconclusive, whatever is found: nothing shows what retraining would give.")]
    seen = outlook(protocol, precedents)
    return [_chance_words(seen), *([_record_words(seen)] if seen.measured else [])]


def _chance_words(seen: Outlook) -> str:
    if seen.spread is None:
        return _(
            "How likely it is to decide is not known yet: no earlier job on this model measured how much retrained models"
            " differ from one another."
        )
    basis = ngettext(
        "In %(n)d earlier job on this model, the mean margin of retrained models varied by %(spread)s of the do-nothing"
        " gap.",
        "In %(n)d earlier jobs on this model, the mean margin of retrained models varied by %(spread)s of the do-nothing"
        " gap.",
        seen.jobs,
    ) % {"n": seen.jobs, "spread": number(seen.spread)}
    if len(seen.chances) == 1:
        chance = _("If this erasure resembles them and its result is as good as retraining, that is decided with %(last)s.")
    else:
        chance = _(
            "If this erasure resembles them and its result is as good as retraining, the first look decides that with"
            " %(first)s and all looks with %(last)s."
        )
    chances = {"first": percent_words(seen.chances[0]), "last": percent_words(seen.chances[-1])}
    sentences = [basis, chance % chances]
    if seen.assumes_no_gain:
        sentences.append(_("What pairs gain has not been measured on this model, so nothing is assumed."))
    return " ".join(sentences)


def percent_words(chance: float) -> str:
    """Return a probability in whole percent; the last percent at either end is never claimed."""
    if chance < 0.01:  # noqa: PLR2004  # one percent
        return _("a probability below 1 %%") % {}
    if chance > 0.99:  # noqa: PLR2004  # all but one percent
        return _("a probability above 99 %%") % {}
    return _("a probability of about %(percent)d %%") % {"percent": round(100 * chance)}


def _record_words(seen: Outlook) -> str:
    return ngettext(
        "Of %(n)d earlier job on this model that rested on measurements, the measurements decided %(decided)d.",
        "Of %(n)d earlier jobs on this model that rested on measurements, the measurements decided %(decided)d.",
        seen.measured,
    ) % {"n": seen.measured, "decided": seen.decided}
