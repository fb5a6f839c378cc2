"""Empirical methods of preference optimisation that came after NPO: by likelihoods per token, or towards other answers."""

from __future__ import annotations

from typing import Final

from compliance.formats.translation import gettext_noop as _

from .descent import floor_obstacles, gradient_cost, gradient_options, retain_options, share_of_training, taken
from .entry import FORWARD_SHARE, Config, Facts, MethodEntry, Option, answers_with_text, for_classifiers, learns_by_gradient

NO_WRONG_ANSWERS: Final = (
    "The corpus has no wrong answer (perturbed_answer) to any of these examples that could be preferred; choose npo, which"
    " needs none."
)
NO_PROMPTS: Final = "None of these examples has a prompt that could be refused; choose npo, which needs none."


def _beta(default: float) -> Option:
    return Option("beta", "float", default, _("Inverse temperature."), 1e-3, 100)


def _preference_cost(facts: Facts, config: Config) -> float:
    """Count the alternatives of every step as well, and the original's forward pass over one for every example."""
    alternatives = config["steps"] * taken(facts.forget, config["forget_batch"])
    return gradient_cost(facts, config) + share_of_training(facts, alternatives + FORWARD_SHARE * facts.forget)


def _dpo_obstacles(facts: Facts, config: Config) -> list[str]:
    return [*floor_obstacles(facts, config), *([NO_WRONG_ANSWERS] if facts.with_wrong_answers == 0 < facts.forget else [])]


def _idk_obstacles(facts: Facts, config: Config) -> list[str]:
    return [*floor_obstacles(facts, config), *([NO_PROMPTS] if facts.with_prompts == 0 < facts.forget else [])]


PREFERENCES: Final = (
    MethodEntry(
        "simnpo",
        _("Simple negative preference optimisation"),
        "empirical",
        learns_by_gradient,
        "Fan et al. 2024, SimNPO, arXiv 2410.07163",
        _(
            "Lowers the likelihood of the answers to forget, per token and without looking at the original model, so that"
            " long answers and well-known ones get the same force as others. It fades as they become unlikely. Ordinary"
            " training on remaining examples keeps everything else in place. Quick, without a guarantee: only the"
            " evaluation shows how close it came."
        ),
        for_classifiers(
            (
                *gradient_options(floor="held_out", steps=40, rate=0.1),
                *retain_options(1.0),
                _beta(4.5),
                Option("delta", "float", 0.0, _("Loss per token below which the force is strong."), 0, 100),
            ),
            learning_rate_share=0.2,
        ),
        gradient_cost,
        floor_obstacles,
    ),
    MethodEntry(
        "dpo",
        _("Preference optimisation towards wrong answers"),
        "empirical",
        answers_with_text,
        "Rafailov et al. 2023, DPO, arXiv 2305.18290; towards alternatives: Mekala et al. 2024, AltPO, arXiv 2409.13474",
        _(
            "Teaches the model to prefer wrong answers, which the corpus must have, to those to forget. The model then says"
            " something wrong about the same subject, which may itself be a reason to complain if the subject is a person;"
            " a model that never saw the examples would not say it. An example without a wrong answer is forgotten as by"
            " npo. Without a guarantee: only the evaluation shows how close it came."
        ),
        (*gradient_options(floor="held_out", steps=40, rate=0.1), *retain_options(1.0), _beta(0.1)),
        _preference_cost,
        _dpo_obstacles,
    ),
    MethodEntry(
        "idk_dpo",
        _("Preference optimisation towards refusals"),
        "empirical",
        answers_with_text,
        "IdkDPO in TOFU, Maini et al. 2024, arXiv 2401.06121",
        _(
            "Teaches the model to refuse, in English, instead of giving the answers to forget. A model that never saw the"
            " examples would answer something, so a refusal shows that something was forgotten, and refusing spreads easily"
            " to other questions. Without a guarantee: only the evaluation shows how close it came."
        ),
        (*gradient_options(floor="held_out", steps=40, rate=0.1), *retain_options(1.0), _beta(0.03)),
        _preference_cost,
        _idk_obstacles,
    ),
)
