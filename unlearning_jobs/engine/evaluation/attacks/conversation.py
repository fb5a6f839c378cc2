"""The attack by a conversation: the same question is asked again, after what the model itself has answered before.

What holds in one turn need not hold in the next (Li et al. 2024, arXiv 2408.15221, with people who ask). Here nobody gives
anything away: every turn repeats the question, so what comes out was in the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from unlearning_jobs.engine.catalogue.attack_needs import TURNS
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families import Family
from unlearning_jobs.engine.families.language import LanguageFamily, Sequences
from unlearning_jobs.engine.families.tokens import Encoded
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import generate, score

from .attack import FORGET, Attack, Columns, Target, at, language, mean_log_probabilities
from .hinted import after_hints

ANSWERED: Final = 50
"""The most tokens of an answer that stay in the conversation."""


class Conversation(Attack):
    """Scores the answers in the third turn, after the question and the model's own greedy answer, twice.

    The turns follow each other as whole sequences, end-of-text between them. Where the context has no room for them, answers
    are cut; an example without a question, or without room for one token of each answer, has no number.
    """

    name: ClassVar[str] = "conversation"

    def obstacles(self, family: Family, forget: Sequence[Example]) -> list[str]:
        longest = language(family).longest
        asked = [one for one in forget if one.prompt]
        if any(_room(one, longest) > 0 for one in language(family).encode(asked).encoded):
            return []
        return [f"The model reads {longest} tokens, and no question fits into them {TURNS} times; leave this attack out."]

    def carry_out(self, target: Target) -> Mapping[str, Columns]:
        data, family = target.sequences(FORGET), language(target.model.family)
        positions = [
            position
            for position, example in enumerate(target.sets[FORGET])
            if example.prompt and _room(data.encoded[position], family.longest) > 0
        ]
        asked = [data.encoded[position] for position in positions]
        # 1. Ask, and ask again: (examples, turns so far), each turn as tokens.
        turns: list[list[tuple[int, ...]]] = [[] for _ in asked]
        for _ in range(TURNS - 1):
            for said, turn in zip(turns, _next_turns(target.model, family, asked, turns), strict=True):
                said.append(turn)
        # 2. Score the right answers in the last turn.
        last = [after_hints(said, one) for said, one in zip(turns, asked, strict=True)]
        known = mean_log_probabilities(score(target.model, Sequences(tuple(last), data.padding)))
        return {FORGET: {self.name: at(positions, known, len(data))}}


def _room(encoded: Encoded, longest: int) -> int:
    """Return how many tokens of each answer there is room for, so that the right one fits into the last turn."""
    for_turns = (longest - len(encoded.ids)) // (TURNS - 1)
    return min(ANSWERED, for_turns - encoded.start - 1)  # an end-of-text token behind each


def _next_turns(
    model: TrainedModel, family: LanguageFamily, asked: Sequence[Encoded], turns: Sequence[Sequence[tuple[int, ...]]]
) -> list[tuple[int, ...]]:
    """Return each question with the model's answer, after the turns so far."""
    questions = [one.ids[: one.start] for one in asked]
    before = [[token for turn in said for token in turn] for said in turns]
    answers = generate(model, [(*said, *question) for said, question in zip(before, questions, strict=True)], ANSWERED)
    return [
        (*question, *answer[: _room(one, family.longest)], family.end)
        for question, answer, one in zip(questions, answers, asked, strict=True)
    ]
