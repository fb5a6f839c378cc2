"""What language models answer greedily: generated once for each model and example, and compared with the right answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, cast

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import generate

from .passages import longest_block

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

    from unlearning_jobs.engine.families.language import LanguageFamily
    from unlearning_jobs.engine.families.tokens import Encoded

GENERATED_TOKENS = 200
"""OpenUnlearning's limit for TOFU."""
VERBATIM_TOKENS = 128
"""MUSE's limit for both sides of its comparison."""


@dataclass(frozen=True)
class Answer:
    """A greedy answer, and what would have been right."""

    text: str
    right: str
    given: int
    """Characters of the example's own text that the model was given to go on from; 0 if the example has a prompt."""
    text_start: str
    """The first tokens of both, as many as MUSE compares."""
    right_start: str

    def recall(self) -> float:
        """Return the ROUGE-L recall with stemmed words, as TOFU does."""
        return float(_scorer(stems=True).score(self.right, self.text)["rougeL"].recall)

    def overlap(self) -> float:
        """Return the F1 of ROUGE-L between both starts, as MUSE's VerbMem does: words as they are."""
        return float(_scorer(stems=False).score(self.right_start, self.text_start)["rougeL"].fmeasure)

    def block(self) -> int:
        """Return the words of the longest near-verbatim block of both."""
        return longest_block(self.right, self.text)


@cache
def _scorer(*, stems: bool) -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer  # loads all of nltk, and only answers of language models need it

    return RougeScorer(["rougeL"], use_stemmer=stems)


def tokens_given(encoded: Encoded, example: Example) -> int:
    """Return how many tokens of an example a model is given. Plain text has no prompt, so its first half serves as one."""
    return encoded.start if example.prompt else max(1, len(encoded.ids) // 2)


def answer_all(model: TrainedModel, examples: Sequence[Example], encoded: Sequence[Encoded]) -> list[Answer]:
    """Have a language model answer every example, in order."""
    family = cast("LanguageFamily", model.family)
    starts = list(map(tokens_given, encoded, examples))
    answers = generate(model, [e.ids[:start] for e, start in zip(encoded, starts, strict=True)], GENERATED_TOKENS)
    return [_answer(family, *one) for one in zip(examples, encoded, starts, answers, strict=True)]


def _answer(family: LanguageFamily, example: Example, encoded: Encoded, start: int, tokens: Sequence[int]) -> Answer:
    right = encoded.ids[start:-1]  # without end-of-text
    # A token may end within a character, which then decodes as another one.
    pairs = zip(family.decode(encoded.ids[:start]), example.completion, strict=False)
    given = 0 if example.prompt else sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return Answer(
        text=family.decode(tokens),
        right=example.completion if example.prompt else family.decode(right),
        given=given,
        text_start=family.decode(tokens[:VERBATIM_TOKENS]),
        right_start=family.decode(right[:VERBATIM_TOKENS]),
    )
