"""Memorisation as a court counts it: which passages of a work a model gives away, and with how many prompts.

Sampled from as it is, at temperature 1 and from the whole vocabulary, a model that is given what comes before a passage goes
on with it word for word with the product of its tokens' probabilities: Hayes et al. 2024, arXiv 2410.19482; Cooper et al.
2025, arXiv 2505.12546, who count passages of fifty tokens behind fifty others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Final

PASSAGE: Final = 50
"""Tokens of a passage, and the fewest before it where no prompt is given."""
LIKELY: Final[Mapping[str, float]] = {"passages_0_001": 0.001, "passages_0_01": 0.01, "passages_0_5": 0.5}
"""By statistic: how likely one prompt must bring a passage out, for the share of passages that it counts."""
BEST: Final = "passage_log_probability"
"""The log-probability of the passage that comes out most easily."""
SHORTEST: Final = 3
"""Words of a verbatim run that counts towards a block."""
GAP: Final = 3
"""Words that may differ between two runs of one block."""


def passages_of(log_probabilities: Sequence[float], *, prompted: bool) -> dict[str, float]:
    """Return the statistics of all passages of a text; NaN if it is shorter than one.

    Args:
        log_probabilities: of its tokens, each given those before it, without the end of the text.
        prompted: whether a prompt comes before it. If not, a passage needs as many tokens before it.
    """
    sums = [0.0, *accumulate(log_probabilities)]
    starts = range(0 if prompted else PASSAGE, len(log_probabilities) - PASSAGE + 1)
    likely = [sums[start + PASSAGE] - sums[start] for start in starts]
    if not likely:
        return dict.fromkeys((BEST, *LIKELY), math.nan)
    shares = {name: sum(one >= math.log(p) for one in likely) / len(likely) for name, p in LIKELY.items()}
    return {BEST: max(likely), **shares}


def longest_block(right: str, given: str) -> int:
    """Return the words of the longest near-verbatim block that two texts share.

    A block is made of verbatim runs of at least three words, with at most three other words between two of them on either
    side, which do not count.
    """
    runs = SequenceMatcher(None, right.split(), given.split(), autojunk=False).get_matching_blocks()
    longest = block = end_right = end_given = 0
    for run in runs:
        if run.size < SHORTEST:
            continue
        goes_on = block and run.a - end_right <= GAP and run.b - end_given <= GAP
        block = run.size + (block if goes_on else 0)
        end_right, end_given = run.a + run.size, run.b + run.size
        longest = max(longest, block)
    return longest
