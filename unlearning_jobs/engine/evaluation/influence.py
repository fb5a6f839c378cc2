"""Whether the forget set moves a model at all, and how precisely a model and its forget set can be judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compliance.formats.rules import is_measurable
from unlearning_jobs.engine.contracts import Control, InfluenceFinding, Precision, Protocol

from .each_example import memorised
from .estimands import forget_margin, oracles_of
from .outputs import Outputs
from .welch import one_sample, resolution, welch


def measure_influence(outputs: Outputs, protocol: Protocol, do_nothing: Control) -> InfluenceFinding:
    """Compare originals with oracles in probability, whose unit does not depend on how much there is to forget.

    "Not measurable" is itself an equivalence statement: both bounds lie within the protocol's limit, no single example is
    memorised, and doing nothing could not be told from retraining.
    """
    originals = outputs.matrix("original", "forget", "probability")  # (models, examples)
    oracles, paired = oracles_of(outputs, "forget", "probability")  # (models, examples)
    a, b = originals.mean(axis=1), oracles.mean(axis=1)
    alpha = protocol.alpha_per_look
    moved = one_sample(a - b, alpha, resolution=resolution(a, b)) if paired else welch(a, b, alpha)
    margins, of_oracles = outputs.matrix("original", "forget", "margin"), oracles_of(outputs, "forget", "margin")[0]
    known = memorised(margins, of_oracles, paired=paired, alpha=alpha)
    finding = InfluenceFinding(moved.low, moved.high, known, protocol.influence, measurable=None)
    return replace(finding, measurable=is_measurable(finding, do_nothing))


def measure_precision(outputs: Outputs) -> Precision | None:
    """Return the oracles' spread in units of the gap, and what pairs save; None without a gap."""
    means = forget_margin(outputs, "oracle")  # (oracles,)
    gap = float(forget_margin(outputs, "original").mean() - means.mean())
    if gap <= 0:
        return None
    pairs, paired = oracles_of(outputs, "forget", "margin")
    saved = None
    if paired:
        unlearned = outputs.matrix("unlearned", "forget", "margin").mean(axis=1)  # (pairs,)
        own = pairs.mean(axis=1)
        paired_variance = float(np.var(unlearned - own, ddof=1))
        independent_variance = float(np.var(unlearned, ddof=1) + np.var(own, ddof=1))
        saved = independent_variance / paired_variance if paired_variance > 0 else None
    return Precision(float(np.std(means, ddof=1)) / gap, saved)
