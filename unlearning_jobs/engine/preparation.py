"""Everything about a job that can be known to be wrong before the work starts."""

from __future__ import annotations

from pathlib import Path

from .artefacts import model_about
from .catalogue import Facts, complete_config, metric_problems, obstacles
from .contracts import JobSpec, Protocol, UnlearningStep
from .corpora import Snapshot
from .errors import ObstacleError, SpecError
from .privacy_budget import steps_since_training


def check_unlearning(spec: JobSpec, snapshot: Snapshot) -> None:
    """Refuse an unlearn job that cannot be done, or whose evaluation could show nothing.

    Raises:
        SpecError: a part is missing, unknown, empty or contradictory.
        ObstacleError: the method cannot run on this model and data.
    """
    steps = unlearning_steps(spec)
    for step in steps:
        complete_config(step.method.name, step.method.config, spec.recipe.family)
    _check_forget_sets(spec, steps, snapshot)
    _check_protocol(spec, snapshot)
    if found := obstacles(steps[-1].method.name, job_facts(spec, snapshot), steps[-1].method.config):
        raise ObstacleError(" ".join(found))


def job_facts(spec: JobSpec, snapshot: Snapshot) -> Facts:
    """What the job's spec, corpus and model say about it; nothing is trained."""
    about = model_about(Path(spec.model.path)) if spec.model else {}
    return Facts(
        recipe=spec.recipe,
        forget=len(spec.forget_ids),
        retain=snapshot.info.counts["train"] - len(excluded_ids(spec)),
        held_out=snapshot.info.counts.get("held_out", 0),
        forgotten=sum(len(step.forget_ids) for step in spec.earlier),
        earlier=spec.earlier,
        epsilon=about.get("privacy", {}).get("epsilon") if spec.model else _expected_epsilon(spec, snapshot),
        budget_spent=about.get("budget_spent", 0.0),
    )


def unlearning_steps(spec: JobSpec) -> tuple[UnlearningStep, ...]:
    """The earlier steps and this job's own, in order.

    Raises:
        SpecError: the job has no method.
    """
    if spec.method is None:
        message = "An unlearn job needs a method."
        raise SpecError(message)
    return (*spec.earlier, UnlearningStep(spec.method, spec.forget_ids))


def excluded_ids(spec: JobSpec, steps: int | None = None) -> tuple[str, ...]:
    """What a model must not know after so many steps: what it was never trained on, and the forget sets.

    Without a number: after all earlier steps and this job's own.
    """
    earlier = spec.earlier if steps is None else spec.earlier[:steps]
    own = spec.forget_ids if steps is None or steps > len(spec.earlier) else ()
    return (*spec.exclude_ids, *(i for step in earlier for i in step.forget_ids), *own)


def all_seeds(spec: JobSpec) -> frozenset[int]:
    """Seeds of the production model, and of its replicates and the oracles that it is compared with."""
    protocol = spec.protocol
    return frozenset((spec.seed, *((*protocol.replicate_seeds, *protocol.oracle_seeds) if protocol else ())))


def job_protocol(spec: JobSpec) -> Protocol:
    """The job's protocol.

    Raises:
        SpecError: it has none.
    """
    if spec.protocol is None:
        message = "An unlearn job needs a protocol, fixed before it runs."
        raise SpecError(message)
    return spec.protocol


def _expected_epsilon(spec: JobSpec, snapshot: Snapshot) -> float | None:
    """Of a model that this job will train first; None where the recipe is not private."""
    if spec.recipe.privacy is None:
        return None
    from .training.private import privacy_loss  # Opacus takes a while to load

    known = len(spec.earlier) - len(steps_since_training(spec.earlier))
    examples = snapshot.info.counts["train"] - len(excluded_ids(spec, known))
    return privacy_loss(spec.recipe, examples).epsilon if examples > 0 else None


def _check_forget_sets(spec: JobSpec, steps: tuple[UnlearningStep, ...], snapshot: Snapshot) -> None:
    if not all(step.forget_ids for step in steps):
        message = "There is nothing to forget: the forget set is empty."
        raise SpecError(message)
    everything = excluded_ids(spec)
    if len(set(everything)) != len(everything):
        message = "An example to forget is named twice, or was forgotten or excluded before."
        raise SpecError(message)
    if any(example.set != "train" for example in snapshot.get(everything)):
        message = "An example to forget is not a training example, so no model has learned it."
        raise SpecError(message)


def _check_protocol(spec: JobSpec, snapshot: Snapshot) -> None:
    protocol = job_protocol(spec)
    problems = [*protocol.problems(), *metric_problems(protocol, spec.recipe.family)]
    if spec.seed in (*protocol.replicate_seeds, *protocol.oracle_seeds):
        problems.append("The production model's seed is also a replicate's or an oracle's; use different ones.")
    if spec.seed in protocol.tuning_seeds:
        problems.append("The method was tuned on the production model's seed, which is part of the audit; use others.")
    if not snapshot.info.counts.get("held_out", 0):
        problems += [
            f"{estimand.name} judges held-out examples, and the corpus has none; leave it out, or add some to the corpus."
            for estimand in protocol.estimands
            if estimand.examples == "held_out"
        ]
    if problems:
        raise SpecError(" ".join(problems))
