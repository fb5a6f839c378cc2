"""What attacks cost, and why one cannot be carried out, in sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from unlearning_jobs.engine.contracts import Protocol

from .entry import FORWARD_SHARE, Facts

SHARE: Final = 0.2
"""Of the forget examples, those that an attacker has who knows some."""
MOST: Final = 10
TURNS: Final = 3
"""How often a question is asked in a conversation."""
FEWEST_TO_PROBE: Final = 10
"""Examples of each kind that a probe tells apart."""
RELEARNING_STEPS: Final = 20
"""Of relearning, where a person asks for it and not a specification."""

AttackCost = Callable[[Facts, Protocol, int], float]
"""Examples that pass forwards and backwards while this number of models is attacked."""


def attackers_examples(examples: int) -> int:
    """Return how many of the examples to forget an attacker has who knows some."""
    return min(MOST, math.ceil(SHARE * examples))


def no_pass(_facts: Facts, _protocol: Protocol, _models: int) -> float:
    """Return the cost of an attack that uses what is measured anyway."""
    return 0.0


def one_pass(facts: Facts, _protocol: Protocol, models: int) -> float:
    """Return the cost of one forward pass over the examples to forget."""
    return FORWARD_SHARE * models * facts.forget


def hinted_cost(facts: Facts, protocol: Protocol, models: int) -> float:
    """Return the cost of one forward pass of each example after all hints, at most."""
    return one_pass(facts, protocol, models) * (1 + attackers_examples(facts.forget))


def conversation_cost(facts: Facts, protocol: Protocol, models: int) -> float:
    """Return the cost of the turns, each of which reads what was said before, at most."""
    return one_pass(facts, protocol, models) * sum(range(1, TURNS + 1))


def lens_cost(facts: Facts, protocol: Protocol, models: int) -> float:
    """Return the cost of one pass, and in the original one more for each layer that is tried."""
    others = max(0, facts.recipe.architecture.hidden_layers - 2)  # layers that are only tried in the original
    return one_pass(facts, protocol, models + others)


def probe_cost(facts: Facts, protocol: Protocol, models: int) -> float:
    """Return the cost of one pass over the examples to forget and the held-out ones."""
    held_out = min(facts.held_out, protocol.max_held_out_examples)
    return one_pass(facts, protocol, models) + FORWARD_SHARE * models * held_out


def relearning_cost(facts: Facts, protocol: Protocol, models: int) -> float:
    """Return the cost of the steps, and of one pass after them."""
    per_step = min(facts.recipe.batch_size, attackers_examples(facts.forget))
    return one_pass(facts, protocol, models) + float(models * (protocol.relearning or RELEARNING_STEPS) * per_step)


def no_obstacles(_facts: Facts) -> Iterator[str]:
    """Yield nothing: the attack can always be carried out."""
    yield from ()


def two_to_forget(facts: Facts) -> Iterator[str]:
    """Hints need two examples: one to give away and one to ask for."""
    if facts.forget < 2:  # noqa: PLR2004  # one to have, one to watch
        yield "Hints need an example to give away and another one to ask for; leave this attack out."


def relearning_obstacles(facts: Facts) -> Iterator[str]:
    """Relearning needs a network that is trained in open steps, and two examples."""
    if not facts.recipe.can_be_paired:  # which asks the same: one network, trained in open steps
        yield "Models of this recipe cannot be trained on step by step; leave the attack by relearning out."
    if facts.forget < 2:  # noqa: PLR2004  # one to learn from, one to watch
        yield "Relearning needs an example to learn from and another one to watch; leave it out."


def longer_answers(facts: Facts) -> Iterator[str]:
    """A part of an answer can be given only if it has parts."""
    if facts.with_long_answers == 0:
        yield "No answer to forget is long enough to give a quarter of it away; leave this attack out."


def questions(facts: Facts) -> Iterator[str]:
    """Only a question can be asked again."""
    if facts.with_prompts == 0:
        yield "The examples to forget have no questions that could be asked again; leave this attack out."


def other_wordings(facts: Facts) -> Iterator[str]:
    """Another wording must be in the corpus."""
    if facts.with_other_wordings == 0:
        yield (
            "The corpus has no question to forget in other words; leave this attack out, or register a corpus with a column"
            " paraphrased_prompt."
        )


def in_common(facts: Facts) -> Iterator[str]:
    """Shards that answer together have no layer in common."""
    sharding = facts.recipe.sharding
    if sharding is not None and sharding.answers_together:
        yield "The model is made of shards that have no layers in common to read from; leave this attack out."


def between_layers(facts: Facts) -> Iterator[str]:
    """An inner layer needs another one behind it."""
    yield from in_common(facts)
    if facts.recipe.architecture.hidden_layers < 2:  # noqa: PLR2004  # behind the only one there is the answer
        yield "Models of this recipe have no layer before the last one to read from; leave this attack out."


def enough_to_probe(facts: Facts) -> Iterator[str]:
    """A probe needs layers, and enough examples of both kinds."""
    yield from in_common(facts)
    if facts.recipe.architecture.hidden_layers < 1:
        yield "The layers of this model are not known, so no state can be read; leave this attack out."
    if min(facts.forget, facts.held_out) < FEWEST_TO_PROBE:
        yield (
            f"A probe needs {FEWEST_TO_PROBE} examples to forget and as many held-out ones, and there are {facts.forget} and"
            f" {facts.held_out}; leave this attack out."
        )


def held_out(facts: Facts) -> Iterator[str]:
    """Examples are told from held-out ones."""
    if facts.held_out < 1:
        yield "Examples to forget are told from held-out ones, and the corpus has none; leave this attack out."
