"""Shares, intervals and the outcome, worked out from raw answers alone, so that anybody can compute them again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from unlearning_jobs.engine.contracts.concepts import InsteadKind, Probe, says
from unlearning_jobs.engine.contracts.contract import EngineContract

from .asking import Answer

Side = Literal["method", "audit", "kept", "watched"]
ConceptOutcome = Literal["nothing_to_remove", "says_nothing", "undershot", "overshot", "damaged", "nothing_found"]
"""nothing_to_remove: the original knows no probe. says_nothing: a control went wrong, or nothing could have shown.
undershot: answers that had to go are still given. overshot: the answers are less likely than to the oracle. damaged:
neighbours or other texts were lost. nothing_found: none of these."""
ORIGINAL: Final = "original"
EDITED: Final = "edited"
ORACLE: Final = "oracle"
Z: Final = 1.959964
"""Of an interval of 95 %."""
LEVEL: Final = 0.95
MOST_GIVEN: Final = 0.1
"""Share of the known answers that may still be given, beyond those that the oracle gives, or chance in multiple choices."""
LEAST_KEPT: Final = 0.9
"""Share of the neighbours' known answers that must still be given."""
MOST_LOST: Final = 0.5
"""Nats per token that the loss on other texts may rise."""
OVERSHOT: Final = 4.0
"""Nats per token by which the answers are on average less likely than to the oracle, if what is answered was left open."""
DRAWS: Final = 999
SAW: Final = 5
"""A token counts as seen by the lens if it is among so many of the likeliest."""


@dataclass(frozen=True)
class ProbeRow(EngineContract):
    """A probe, who saw it, and what each model answered: original, edited and, if there is one, oracle."""

    probe: Probe
    side: Side
    answers: Mapping[str, Answer]


@dataclass(frozen=True)
class Share(EngineContract):
    """A share of probes, with its Wilson interval of 95 %, and the same share of original and oracle."""

    name: str
    of: str
    """Which probes: a side, or a side and a kind, as in "audit cloze"."""
    count: int
    total: int
    low: float
    high: float
    original: float
    oracle: float | None

    @property
    def share(self) -> float:
        """The share itself."""
        return self.count / self.total


@dataclass(frozen=True)
class Utility(EngineContract):
    """The loss per token on texts that do not name the concept, and by how much it rose (bootstrap interval of 95 %)."""

    texts: int
    original: float
    edited: float
    oracle: float | None
    rose: float
    low: float
    high: float


@dataclass(frozen=True)
class ConceptFinding(EngineContract):
    """What the answers say."""

    outcome: ConceptOutcome
    reasons: tuple[str, ...]
    shares: tuple[Share, ...]
    utility: Utility
    unknown: int
    """Probes that the original does not know; they are left out of every share."""
    probes: int


Is = Callable[[Probe, Answer], bool | None]
MEASURED: Final[Mapping[str, tuple[Side, Is]]] = {
    "efficacy": ("method", lambda _probe, answer: answer.given),
    "generalisation": ("audit", lambda _probe, answer: answer.given),
    "specificity": ("watched", lambda _probe, answer: answer.given),
    "neighbours seen by the method": ("kept", lambda _probe, answer: answer.given),
    "extraction": ("audit", lambda probe, a: any(says(text, probe.answer) for text in a.drawn) if a.drawn else None),
    "relearning": ("audit", lambda _probe, answer: answer.relearned),
    "logit lens": ("audit", lambda _probe, answer: None if answer.lens_rank is None else answer.lens_rank <= SAW),
    "answered as asked": ("audit", lambda _probe, answer: answer.as_asked),
}
"""What is counted by name: on which probes, and when. All but the last one count answers that are still given."""


def findings(rows: Sequence[ProbeRow], losses: Mapping[str, Sequence[float]], instead: InsteadKind) -> ConceptFinding:
    """Work out the finding about an edited model.

    Args:
        rows: the raw answers.
        losses: by model, of the same texts in the same order.
        instead: what the concept asks to be answered.
    """
    own = [row for row in rows if row.side in ("method", "audit")]
    unknown = sum(not row.answers[ORIGINAL].given for row in own)
    shares = tuple(_shares([row for row in rows if row.answers[ORIGINAL].given]))
    utility = _utility(losses)
    outcome, reasons = _outcome(rows, shares, utility, instead)
    if unknown:
        said = f"The original does not know {unknown} of {len(own)} probes; these are left out."
        reasons = (said, *reasons)
    return ConceptFinding(outcome, reasons, shares, utility, unknown, len(own))


def damage(finding: ConceptFinding) -> tuple[str, ...]:
    """Say what had to stay and is lost, whatever else an edited model does."""
    watched = [share for share in finding.shares if (share.name, share.of) == ("specificity", "watched")]
    return _lost(watched[0], finding.utility) if watched else ()


def wilson(count: int, total: int) -> tuple[float, float]:
    """Return the interval of 95 % of a share (Wilson 1927)."""
    share, square = count / total, Z * Z / total
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def _shares(known: Sequence[ProbeRow]) -> list[Share]:
    shares = []
    for name, (side, is_so) in MEASURED.items():
        asked = [row for row in known if row.side == side]
        groups = {str(side): asked}
        if name == "generalisation":
            for kind in dict.fromkeys(row.probe.kind for row in asked):
                groups[f"{side} {kind}"] = [row for row in asked if row.probe.kind == kind]
            for tongue in dict.fromkeys(row.probe.language for row in asked):
                groups[f"{side} {tongue}"] = [row for row in asked if row.probe.language == tongue]
        shares += [share for of, group in groups.items() if (share := _share(name, of, group, is_so))]
    return shares


def _share(name: str, of: str, rows: Sequence[ProbeRow], is_so: Is) -> Share | None:
    counted = {
        model: [said for row in rows if (said := is_so(row.probe, row.answers[model])) is not None]
        for model in (rows[0].answers if rows else ())
    }
    if not counted.get(EDITED) or not counted[ORIGINAL]:
        return None
    edited, original, oracle = counted[EDITED], counted[ORIGINAL], counted.get(ORACLE)
    low, high = wilson(sum(edited), len(edited))
    return Share(
        name,
        of,
        sum(edited),
        len(edited),
        low,
        high,
        sum(original) / len(original),
        sum(oracle) / len(oracle) if oracle else None,
    )


def _utility(losses: Mapping[str, Sequence[float]]) -> Utility:
    original, edited = np.array(losses[ORIGINAL]), np.array(losses[EDITED])
    rose = edited - original
    rng = np.random.default_rng(len(rose))
    means = rose[rng.integers(len(rose), size=(DRAWS, len(rose)))].mean(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    oracle = float(np.mean(losses[ORACLE])) if ORACLE in losses else None
    return Utility(
        len(rose), float(original.mean()), float(edited.mean()), oracle, float(rose.mean()), float(low), float(high)
    )


def _outcome(
    rows: Sequence[ProbeRow], shares: Sequence[Share], utility: Utility, instead: InsteadKind
) -> tuple[ConceptOutcome, tuple[str, ...]]:
    by_name = {share.name: share for share in shares if share.of in ("method", "audit", "watched")}
    seen, audit, watched = (by_name.get(name) for name in ("efficacy", "generalisation", "specificity"))
    if not seen and not audit:
        return "nothing_to_remove", ("The original knows none of the probes, so there is nothing to remove from it.",)
    if not (seen and audit and watched):
        missing = "probes that a method sees" if not seen else "audit probes" if not audit else "neighbours"
        return "says_nothing", (f"The original knows none of the {missing}, so nothing could have shown.",)
    lost = _lost(watched, utility)
    if still := _still_known(rows, seen, audit, by_name["answered as asked"], instead):
        return "undershot", (*still, *lost)
    if lost:
        return "damaged", lost
    if (lower := _lower(rows)) is not None and lower > OVERSHOT and instead == "open":
        said = f"The answers are less likely than to the oracle by {lower:.1f} nats per token, which marks the concept."
        return "overshot", (said,)
    said = (
        f"Of {audit.total} known audit probes, {audit.count} are still answered; with 95 % confidence, at most"
        f" {audit.high:.0%} of such probes would be."
    )
    return "nothing_found", (said,)


def _still_known(rows: Sequence[ProbeRow], seen: Share, audit: Share, asked: Share, instead: InsteadKind) -> tuple[str, ...]:
    """Say what had to go and is still answered, or what was to be answered instead and is not."""
    still = [s for s in (seen, audit) if s.share > MOST_GIVEN + max(s.oracle or 0.0, _guessed(rows, s.of))]
    if not still and instead == "fact" and asked.share < LEAST_KEPT:
        return (_said(asked, "answers are the new fact"),)
    return tuple(_said(share, "answers that had to go are still given") for share in still)


def _guessed(rows: Sequence[ProbeRow], side: str) -> float:
    """Return the share of the known probes of a side that whoever knows nothing answers: chance in multiple choices."""
    known = [row.probe for row in rows if row.side == side and row.answers[ORIGINAL].given]
    return sum(1 / (1 + len(probe.choices)) for probe in known if probe.choices) / len(known)


def _lost(watched: Share, utility: Utility) -> tuple[str, ...]:
    """Say what had to stay and is lost."""
    reasons = []
    if watched.share < LEAST_KEPT * watched.original:
        reasons.append(_said(watched, "neighbours' answers are still given"))
    if utility.rose > MOST_LOST:
        reasons.append(f"The loss on other texts rose by {utility.rose:.2f} nats per token, to {utility.edited:.2f}.")
    return tuple(reasons)


def _lower(rows: Sequence[ProbeRow]) -> float | None:
    """Return by how much less likely the audit's answers are than to the oracle, on average; None without one."""
    gaps = [
        row.answers[ORACLE].log_probability - row.answers[EDITED].log_probability
        for row in rows
        if row.side == "audit" and ORACLE in row.answers
    ]
    return float(np.mean(gaps)) if gaps else None


def _said(share: Share, what: str) -> str:
    oracle = "" if share.oracle is None else f"; to the oracle, {share.oracle:.0%}"
    return (
        f"{share.name}: {share.count} of {share.total} {what} ({share.share:.0%}, 95 % from {share.low:.0%} to"
        f" {share.high:.0%}; to the original, {share.original:.0%}{oracle})."
    )
