"""The sentences of a report about single examples and about what unlearning cost."""

from __future__ import annotations

from django.utils.translation import gettext as _

from compliance.ui.templatetags.components import number
from unlearning_jobs.engine.contracts import Efficiency, Evaluation, ExampleFindings, Preparation, Protocol
from unlearning_jobs.wording import duration


def compared_sentence(protocol: Protocol, evaluation: Evaluation) -> str:
    """Say which models the evaluation compared, at which look."""
    look = evaluation.look
    unlearned, oracles = protocol.unlearned_at(look), protocol.independent_oracles_at(look)
    if not protocol.has_oracles:
        compared = _(
            "The unlearned model and its original, on the examples to unlearn and on held-out ones; significance level"
            " %(alpha)s"
        )
    elif protocol.paired:
        compared = _(
            "%(pairs)d pairs of an unlearned model and its oracle, the production model’s among them, and %(oracles)d"
            " independent oracles; significance level %(alpha)s"
        )
    elif unlearned == 1:
        compared = _("The unlearned production model against %(oracles)d oracles; significance level %(alpha)s")
    else:
        compared = _(
            "The production model and %(replicates)d replicates, unlearned, against %(oracles)d oracles; significance level"
            " %(alpha)s"
        )
    counts = {"pairs": unlearned, "replicates": unlearned - 1, "oracles": oracles, "alpha": number(protocol.alpha)}
    if protocol.looks == 1:
        return compared % counts
    looks = _("look %(look)d of at most %(looks)d") % {"look": look, "looks": protocol.looks}
    return f"{compared % counts}; {looks}"


def examples_sentence(findings: ExampleFindings | None) -> dict[str, str] | None:
    """Say how many examples differ from the oracles, and in which direction."""
    if findings is None:
        return None
    counts = {
        "all": len(findings.example_ids),
        "high": findings.too_high_fdr,
        "low": findings.too_low_fdr,
        "level": number(findings.level),
    }
    return {
        "sentence": _(
            "Tested one by one across models, %(high)d of %(all)d examples are still better known than by the oracles, and"
            " %(low)d are less known; the expected share of false alarms among these is at most %(level)s."
        )
        % counts
    }


def efficiency_shown(efficiency: Efficiency | None) -> dict[str, str] | None:
    """Compare the time that unlearning took with one training in the same run."""
    if efficiency is None:
        return None
    seconds = duration(efficiency.unlearning.wall_seconds)
    if efficiency.retraining is None or efficiency.wall_share is None:
        sentence = _("Unlearning the production model took %(took)s.") % {"took": seconds}
    else:
        sentence = _(
            "Unlearning the production model took %(took)s, which is %(share)s of one retraining (mean of %(count)d in the"
            " same run)."
        ) % {"took": seconds, "share": f"{100 * efficiency.wall_share:.0f} %", "count": efficiency.retrainings}
    return {"sentence": sentence, "prepared": _prepared(efficiency.preparation), "note": efficiency.note}


def _prepared(preparation: Preparation | None) -> str:
    """Describe what later requests can use too; empty when the method prepares nothing."""
    if preparation is None:
        return ""
    return _(
        "Before that, %(took)s went into a preparation that serves every request about this model version: %(models)d small"
        " trainings in all. Its predictions correlate with what other models really do (%(correlation)s on average)."
    ) % {
        "took": duration(preparation.spent.wall_seconds),
        "models": preparation.models,
        "correlation": f"{preparation.correlation:.2f}",
    }
