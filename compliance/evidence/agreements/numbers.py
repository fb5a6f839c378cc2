"""Facts about whether the models answered with numbers: what an evaluation states then, and what follows if they did not."""

from __future__ import annotations

from typing import Any, Final

from compliance.formats.findings import Evaluation
from compliance.formats.rules import numberless_verdicts

from .facts import of_report
from .measured import places_of
from .reasons import as_compared, judged_by
from .story import ToldReport

TOGETHER: Final = ("gap", "permutation", "estimands", "controls", "sets", "examples")
"""Parts of an evaluation that are all there if every model answered with numbers, and else none of them."""
ONLY_THEN: Final = ("influence", "precision", "vetoes", "metrics")
"""Parts that can only be there if every model answered with numbers."""
WITHOUT_ORACLES: Final = ("twins", "metrics")
"""Parts that can be there if no model is trained to compare with; the first only then."""


def _parts(told: ToldReport) -> dict[str, bool] | None:
    return None if told.evaluation is None else _stated(told.evaluation)


def _stated(evaluation: Evaluation) -> dict[str, bool]:
    return {name: getattr(evaluation, name) not in (None, ()) for name in (*TOGETHER, *ONLY_THEN, "twins")}


def _possible_parts(told: ToldReport) -> dict[str, bool] | None:
    if told.evaluation is None:
        return None
    stated = _stated(told.evaluation)
    if not told.protocol.has_oracles:
        return dict.fromkeys(stated, False) | {name: stated["twins"] and stated[name] for name in WITHOUT_ORACLES}
    numbers = told.evaluation.gap is not None
    return {"twins": False} | dict.fromkeys(TOGETHER, numbers) | {name: numbers and stated[name] for name in ONLY_THEN}


def _verdicts(told: ToldReport) -> list[Any] | None:
    """Return the verdicts that follow from which groups gave no numbers; None if all of them did."""
    if told.outputs is None or told.evaluation is None:
        return None
    groups = told.outputs.groups_without_numbers(places_of(told))
    if not groups:
        return None
    verdicts = numberless_verdicts(groups, told.evaluation.process, judged_by(told))
    return [as_compared(told, verdict) for verdict in verdicts]


PARTS = of_report(
    "result.json evaluation, the parts that are there",
    _parts,
    *(f"result.json evaluation.{name}" for name in (*TOGETHER, "twins")),
)
POSSIBLE_PARTS = of_report(
    "the parts that fit result.json evaluation.gap", _possible_parts, "result.json evaluation.gap", "report protocol"
)
WITHOUT_NUMBERS = of_report(
    "examples.parquet, by the groups without numbers",
    _verdicts,
    *(f"examples.parquet {name}" for name in ("group", "margin", "log_likelihood", "probability", "accuracy")),
)
