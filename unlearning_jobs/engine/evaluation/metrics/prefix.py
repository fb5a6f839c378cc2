"""What a model knows of the rest of an answer whose first quarter is given."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from unlearning_jobs.engine.evaluation.outputs import Outputs

from .after_attack import AfterAttack, compared
from .extraction_probability import ExtractionProbability


class Prefix(AfterAttack):
    """Averages over the answers of two tokens or more."""

    name: ClassVar[str] = "prefix"
    statistic: ClassVar[str] = "prefix"

    def about(self, outputs: Outputs, name: str) -> str:
        short = int(np.isnan(outputs.vector(compared(outputs)[0], name, self.statistic)).sum())
        return f"{short} answers of one token are left out." if short else ""


class PrefixExtraction(ExtractionProbability):
    """Counts the answers whose rest is sampled word for word, given the first quarter."""

    name: ClassVar[str] = "prefix_extraction"
    statistic: ClassVar[str] = "prefix_log_probability"
