"""Methods that act on a concept in a model version, and not on examples.

They stand in a table of their own, `CONCEPT_METHODS`: forms, jobs, the advisor and evidence choose from `METHODS` by facts
about examples, which a concept does not have.
"""

from __future__ import annotations

from typing import Final

from .descent import retain_options, step_options
from .entry import MethodEntry, Option, answers_with_text, shows_its_layers

ON_CONCEPTS_TOO: Final = ("npo", "gradient_difference", "rmu", "task_vector", "nothing")
"""Methods of examples that can be given a concept: its probes and the examples found are what they forget."""
EDITING: Final = (
    Option(
        "objective",
        "choice",
        "instead",
        "instead: the answer that the concept names instead, if it names one. lower: the answer only becomes unlikely.",
        choices=("instead", "lower"),
    ),
    Option(
        "layer",
        "int",
        0,
        "Number of the hidden layer at which a subject is edited, from 1. 0: the one that causal tracing finds.",
        0,
        10_000,
    ),
    Option("steps", "int", 40, "Steps of the search for a value, for each question.", 1, 1000),
    Option("decay", "float", 0.0, "Weight of the square of the change's length, as a share of the state's.", 0, 1000),
    Option("keep", "float", 0.0625, "Weight of the change of what follows the subject in general.", 0, 1000),
)


def _search(*, rate: float, most: float) -> tuple[Option, ...]:
    return (
        Option(
            "rate", "float", rate, "How far a step of that search (Adam) goes, as a share of the state's length.", 1e-6, 100
        ),
        Option("most", "float", most, "The longest change, as a share of the state's length.", 1e-3, 1000),
    )


EDITORS: Final = (
    MethodEntry(
        "memit",
        "Edit of several layers (MEMIT)",
        "empirical",
        shows_its_layers,
        "Meng et al. 2023, Mass-Editing Memory in a Transformer, arXiv 2210.07229",
        (
            "Changes the last matrices of a few layers so that questions which name the subject are answered otherwise, and"
            " what the model makes of other texts changes as little as possible. It acts only where the subject is named."
            " Without a guarantee: what was edited can often be read in inner layers or asked in other ways."
        ),
        (
            *EDITING,
            *_search(rate=0.1, most=6.0),
            Option("layers", "int", 3, "How many layers are edited; the last of them is the one above.", 1, 10_000),
            Option("preservation", "float", 1.0, "Weight of what the model makes of other texts.", 0, 1e9),
        ),
    ),
    MethodEntry(
        "rome",
        "Edit of one layer (ROME)",
        "empirical",
        shows_its_layers,
        "Meng et al. 2022, Locating and Editing Factual Associations in GPT, arXiv 2202.05262",
        (
            "Changes one matrix by a step of rank one for each question which names the subject, so that it is answered"
            " otherwise. It acts only where the subject is named, and many edits wear a model out. Without a guarantee: what"
            " was edited can often be read in inner layers or asked in other ways."
        ),
        (*EDITING, *_search(rate=0.3, most=10.0)),
    ),
)
TAUGHT: Final = (
    MethodEntry(
        "whp",
        "Generic answers (Who's Harry Potter)",
        "empirical",
        answers_with_text,
        "Eldan & Russinovich 2023, Who's Harry Potter? Approximate Unlearning in LLMs, arXiv 2310.02238",
        (
            "Trains the model to go on with texts about the concept as if they were about a neighbour, and unlike a copy"
            " that was trained on them even more. Without a guarantee: later work still found much of what was to go."
        ),
        (
            Option("reinforcing_epochs", "int", 3, "Passes over the texts to forget that reinforce the copy.", 1, 10_000),
            Option(
                "reinforcing_share",
                "float",
                0.3,
                "Peak learning rate of the reinforcement as a share of the recipe's.",
                1e-6,
                100,
            ),
            Option("alpha", "float", 5.0, "How much of what reinforcement raised is taken off.", 0, 1000),
            *step_options(steps=60, rate=0.05),
            *retain_options(1.0),
        ),
    ),
)
