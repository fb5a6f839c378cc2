"""Prints the tables of methods, metrics and attacks, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from .catalogue import ATTACKS, CONCEPT_METHODS, METHODS, METRICS, listed

TARGETS: Final = {"examples": METHODS, "a concept": CONCEPT_METHODS}
"""What methods act on in a model version, and which."""


def method_lines() -> Iterator[str]:
    """Yield each method with its guarantee, what it works on, and its options; then the kinds of guards, which suppress."""
    from .guards.kinds import KINDS  # finders of all kinds take a while to load

    for method in {**METHODS, **CONCEPT_METHODS}.values():
        benchmarks = "" if method.for_production else ", for benchmarks only"
        yield f"{method.name}  ({method.guarantee})  {method.title}{benchmarks}"
        yield f"    {method.description}\n    {method.source}\n    for {listed(method.families)}"
        targets = [target for target, table in TARGETS.items() if method.name in table]
        yield f"    acts on {' or '.join(targets)}"
        for option in method.options:
            others = "".join(
                f" ({value} with {optimizer} if the answer is a {answer})"
                for (answer, optimizer), value in option.tuned.items()
            )
            yield f"    {option.name} = {option.default}{others}  {option.description}"
    for name, kind in KINDS.items():
        yield f"{name}  (suppression, weights unchanged)  {kind.title}; made by `engine guard make {name}`"
        yield f"    {kind.description}\n    {kind.source}"


def metric_lines() -> Iterator[str]:
    """Yield each metric with what it needs."""
    for metric in METRICS.values():
        yield f"{metric.name}  {metric.title}\n    {metric.description}\n    {metric.source}"
        models = f"; from {metric.fewest_models} models a side" if metric.fewest_models > 1 else ""
        attack = f"; of the attack {metric.attack}" if metric.attack else ""
        yield f"    for {listed(metric.families)}{models}{attack}"


def attack_lines() -> Iterator[str]:
    """Yield each attack with what is done, what it works on, and the metrics that report it."""
    for attack in ATTACKS.values():
        yield f"{attack.name}  {attack.title}{', proposed' if attack.proposed else ''}\n    {attack.description}"
        yield f"    {attack.source}\n    for {listed(attack.families)}; metrics: {', '.join(attack.metrics)}"


LISTINGS: Final[Mapping[str, tuple[Callable[[], Iterator[str]], str]]] = {
    "methods": (method_lines, "list the unlearning methods"),
    "metrics": (metric_lines, "list the metrics"),
    "attacks": (attack_lines, "list the attacks that an evaluation can report"),
}
"""Commands by name: their lines, and what they are for."""
