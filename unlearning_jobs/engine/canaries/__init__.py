"""Canaries: invented rows of which a sealed coin decides which half a model is trained on.

If nothing of the erased half is left, a model cannot tell it from the half that it never saw: a verdict on the method and on
the pipeline, without any oracle. See docs/canaries.md.

people        invented persons
making        rows for a corpus, and which rows of a corpus they are
drawing       the coin, and the commitment to it
judgement     what the scores of two models say, and what they do not say
folders       models in folders, measured here
"""

from .drawing import Draw, seal
from .folders import CanarySource, judge_folders
from .judgement import CanaryJudgement, judge_scores
from .making import canary_ids, make_canaries

__all__ = [
    "CanaryJudgement",
    "CanarySource",
    "Draw",
    "canary_ids",
    "judge_folders",
    "judge_scores",
    "make_canaries",
    "seal",
]
