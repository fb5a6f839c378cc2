"""What a report says of a model of which nobody declared how it was trained: how it compares with held-out examples."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.formats.exchange import CLEAR
from compliance.formats.twins import LOST, MOST_LOST, TwinFinding
from compliance.ui.templatetags.components import number

OUTCOMES: Final[dict[str, Any]] = {
    "left_over": gettext_lazy("Something is left over: the model still knows the examples better than ones it never saw."),
    "overshot": gettext_lazy("It overshot: the model knows the examples less than ones it never saw, which marks them."),
    "damaged": gettext_lazy(
        "The model was damaged: the examples could not be told from ones it never saw, but it lost what it was to keep."
    ),
    "nothing_found": gettext_lazy(
        "Nothing was found: the examples could not be told from ones that the model never saw. That is no proof that nothing"
        " is left."
    ),
    "says_nothing": gettext_lazy(
        "This says nothing: the model before unlearning does not know the examples clearly better than ones it never saw."
    ),
}
"""What was found, in a sentence that does not say more."""
NO_RECIPE: Final = gettext_lazy(
    "Nobody declared how this model was trained, so no conclusion about retraining is possible, whatever was measured."
)


def twins_sentence(finding: TwinFinding) -> str:
    """Return what a verdict that rests on held-out examples says."""
    return f"{NO_RECIPE} {OUTCOMES[finding.outcome]}"


def twins_shown(finding: TwinFinding | None) -> dict[str, Any] | None:
    """Return the comparison with held-out examples in words and rows; None where oracles judge."""
    if finding is None:
        return None
    return {
        "outcome": str(OUTCOMES[finding.outcome]),
        "compared": _(
            "The examples to unlearn (%(forget)d) were compared with held-out examples of the corpus (%(held_out)d), which"
            " the model never saw, as the owner of the corpus says. Where nothing is left, the two cannot be told apart: in"
            " half of all pairs, the example to unlearn is the better known one."
        )
        % {"forget": finding.forget, "held_out": finding.held_out},
        "rows": [
            [
                _("Pairs in which the example to unlearn is better known"),
                _share(finding.control_above),
                _share(finding.above),
            ],
            [_("Mean difference in log-odds"), number(finding.control_difference), number(finding.difference)],
            ["p", number(finding.control_p), number(finding.p_value)],
        ],
        "rule": _(
            "Before unlearning, p is one-sided and has to be at most %(clear)s, or the comparison says nothing; after it, p"
            " is two-sided and is held against the significance level."
        )
        % {"clear": number(CLEAR)},
        "smallest": _smallest(finding),
        "lost": [
            _lost(_("Retained examples"), finding.retain_lost, finding.retain_damaged),
            _lost(_("Held-out examples"), finding.held_out_lost, finding.held_out_damaged),
        ],
        "damage": _("A mean loss of more than %(most)s is called damage.") % {"most": number(MOST_LOST)},
    }


def _smallest(finding: TwinFinding) -> str:
    if finding.outcome not in ("nothing_found", "damaged"):
        return ""
    if finding.smallest is None:
        return (
            _("With so few examples no difference, however large, would have been found with a probability of 80 %%.") % {}
        )
    said = _("A difference of %(smallest)s in log-odds would have been found with a probability of 80 %%.")
    return said % {"smallest": number(finding.smallest)}


def _lost(name: str, lost: float, damaged: float) -> str:
    return _("%(set)s lost %(lost)s of probability on average; %(damaged)s of them lost more than %(much)s.") % {
        "set": name,
        "lost": number(lost),
        "damaged": _share(damaged),
        "much": number(LOST),
    }


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
