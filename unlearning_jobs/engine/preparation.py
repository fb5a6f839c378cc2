"""Checks a job for everything that can be known to be wrong before the work starts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from compliance.formats.assurances import ASSURANCES
from compliance.formats.protocol import MOST_ROWS
from compliance.formats.twins import too_few_twins

from .alternatives import with_alternatives
from .artefacts import model_about
from .catalogue import Facts, attack_problems, complete_config, method_guarantee, metric_problems, obstacles, unmeasurable
from .contracts import JobSpec, ModelRef, Protocol, UnlearningStep
from .contracts.placement import touched_share
from .corpora import Snapshot
from .errors import ObstacleError, SpecError
from .privacy_budget import steps_since_training

MADE_FROM: Final = {"recipe": "recipe", "seed": "seed", "tokenizer_snapshot": "snapshot"}
"""What a model's folder says it was made from, in words."""


def check_unlearning(spec: JobSpec, snapshot: Snapshot) -> None:
    """Refuse an unlearn job that cannot be done, or whose evaluation could show nothing.

    Raises:
        SpecError: a part of the spec is missing, unknown, empty or contradictory.
        ObstacleError: the method cannot run on this model and data.
    """
    # 1. The methods exist, and their options are valid.
    steps = unlearning_steps(spec)
    for step in steps:
        complete_config(step.method.name, step.method.config, spec.recipe)
    # 2. The model, the examples and the protocol make sense.
    _check_model(spec)
    _check_forget_sets(spec, steps, snapshot)
    _check_protocol(spec, snapshot)
    # 3. This job's method can run; earlier steps did run.
    if problems := obstacles(steps[-1].method.name, job_facts(spec, snapshot), steps[-1].method.config):
        raise ObstacleError(" ".join(problems))


def check_import(spec: JobSpec, snapshot: Snapshot) -> ModelRef:
    """Return the model to import, unless none is named, or it is to have been trained without what none is trained on.

    Raises:
        CorpusError: the snapshot has no such example.
        SpecError: no model is named, or an example is named twice or is no training example.
    """
    if spec.artefact is None:
        message = "An import needs an artefact; name the folder of the model."
        raise SpecError(message)
    if len(set(spec.exclude_ids)) != len(spec.exclude_ids):
        message = "An example that the model was trained without is named twice; remove it."
        raise SpecError(message)
    if any(example.set != "train" for example in snapshot.get(spec.exclude_ids)):
        message = "An example that the model was trained without is no training example of the corpus; leave it out."
        raise SpecError(message)
    return spec.artefact


def job_facts(spec: JobSpec, snapshot: Snapshot) -> Facts:
    """Collect the facts about the job from its spec, corpus and model, without training anything."""
    about = model_about(Path(spec.model.path)) if spec.model else {}
    facts = Facts(
        recipe=spec.recipe,
        forget=len(spec.forget_ids),
        retain=snapshot.info.counts["train"] - len(excluded_ids(spec)),
        held_out=snapshot.info.counts.get("held_out", 0),
        forgotten=sum(len(step.forget_ids) for step in spec.earlier),
        earlier=spec.earlier,
        erased_elsewhere=len(spec.erased_ids),
        epsilon=about.get("privacy", {}).get("epsilon") if spec.model else _expected_epsilon(spec, snapshot),
        budget_spent=about.get("budget_spent", 0.0),
        touched=_touched(spec, snapshot),
        assurance=spec.assurance,
    )
    return with_alternatives(facts, snapshot.get(spec.forget_ids))


def _touched(spec: JobSpec, snapshot: Snapshot) -> float | None:
    """Return the share of a training in the stages that saw an example to forget; None for a recipe without stages."""
    if spec.recipe.sharding is None:
        return None
    ids = [example.id for example in snapshot.examples("train")]
    return touched_share(spec.recipe.sharding, spec.recipe.epochs, ids, spec.forget_ids, excluded_ids(spec))


def unlearning_steps(spec: JobSpec) -> tuple[UnlearningStep, ...]:
    """Return the earlier unlearning steps and this job's own, in order.

    Raises:
        SpecError: the job has no method.
    """
    if spec.method is None:
        message = "An unlearn job needs a method; name one."
        raise SpecError(message)
    return (*spec.earlier, UnlearningStep(spec.method, spec.forget_ids))


def excluded_ids(spec: JobSpec, steps: int | None = None) -> tuple[str, ...]:
    """Return the examples that a model must not know after this number of steps.

    They are those that it was never trained on, and those in the forget sets of the steps. By default, all earlier steps
    and this job's own count. With this job's own step, examples that were erased elsewhere join them.
    """
    earlier = spec.earlier if steps is None else spec.earlier[:steps]
    last = (*spec.erased_ids, *spec.forget_ids) if steps is None or steps > len(spec.earlier) else ()
    return (*spec.exclude_ids, *(i for step in earlier for i in step.forget_ids), *last)


def all_seeds(spec: JobSpec) -> frozenset[int]:
    """Return the seeds of the production model, its replicates and the oracles."""
    protocol = spec.protocol
    return frozenset((spec.seed, *((*protocol.replicate_seeds, *protocol.oracle_seeds) if protocol else ())))


def job_protocol(spec: JobSpec) -> Protocol:
    """Return the job's protocol.

    Raises:
        SpecError: the job has none.
    """
    if spec.protocol is None:
        message = "An unlearn job needs a protocol, fixed before it runs."
        raise SpecError(message)
    return spec.protocol


def _expected_epsilon(spec: JobSpec, snapshot: Snapshot) -> float | None:
    """Return the epsilon of the model that this job will train first; None if the recipe is not private."""
    if spec.recipe.privacy is None:
        return None
    from .training.private import privacy_loss  # Opacus takes a while to load

    retrained = len(spec.earlier) - len(steps_since_training(spec.earlier))  # steps up to the last retraining
    examples = snapshot.info.counts["train"] - len(excluded_ids(spec, retrained))
    return privacy_loss(spec.recipe, examples).epsilon if examples > 0 else None


def _check_model(spec: JobSpec) -> None:
    """Check that the model came about as the job says: else its oracles would show how another model unlearns."""
    if spec.model is None and spec.assurance == "behavioural":
        message = "Nobody declared how this model was trained, so it cannot be trained here; name its folder as model."
        raise SpecError(message)
    about = model_about(Path(spec.model.path)) if spec.model else {}
    if not about:
        return  # none is named, or it cannot be read, which loading it says
    made = {name: about.get(name) for name in ("recipe", "seed", "tokenizer_snapshot")}
    job = {"recipe": spec.recipe.to_json(), "seed": spec.seed, "tokenizer_snapshot": spec.snapshot.digest}
    if differs := [MADE_FROM[name] for name, value in made.items() if value != job[name]]:
        named = " and another ".join(differs)
        message = f"The model was made from another {named} than the job names; name what it was made from."
        raise SpecError(message)
    known = about.get("assurance", "reproduced")
    if ASSURANCES.index(spec.assurance) < ASSURANCES.index(known):
        message = f"The model is {known}, and the job says that it is {spec.assurance}; set assurance to {known}."
        raise SpecError(message)


def _check_forget_sets(spec: JobSpec, steps: tuple[UnlearningStep, ...], snapshot: Snapshot) -> None:
    if not all(step.forget_ids for step in steps):
        message = "There is nothing to forget: the forget set is empty; name at least one example."
        raise SpecError(message)
    everything = excluded_ids(spec)
    if len(set(everything)) != len(everything):
        message = "An example to forget is named twice, or was forgotten or excluded before; remove it."
        raise SpecError(message)
    if any(example.set != "train" for example in snapshot.get(everything)):
        message = "An example to forget is not a training example, so no model has learned it; leave it out."
        raise SpecError(message)


def _check_protocol(spec: JobSpec, snapshot: Snapshot) -> None:
    protocol = job_protocol(spec)
    guarantee = method_guarantee(unlearning_steps(spec)[-1].method.name)
    has_held_out = snapshot.info.counts.get("held_out", 0) > 0
    problems = protocol.problems(guarantee, held_out=has_held_out, seed=spec.seed)
    problems = problems or metric_problems(protocol, spec.recipe.family)  # which count its models
    if protocol.all_attacks or protocol.metrics:
        facts = job_facts(spec, snapshot)
        problems += [*(attack_problems(protocol, facts) if protocol.all_attacks else []), *unmeasurable(protocol, facts)]
    if not protocol.has_oracles and has_held_out and not problems:
        held_out = min(snapshot.info.counts["held_out"], protocol.max_held_out_examples)
        problems += filter(None, [too_few_twins(len(spec.forget_ids), held_out)])
    if protocol.assurance != spec.assurance:
        problems.append(
            f"The model is {spec.assurance}, and the protocol is for a {protocol.assurance} one; choose another."
        )
    if protocol.paired and not spec.recipe.can_be_paired:
        problems.append("Models of this recipe cannot be paired; choose the independent design.")
    if not problems and (rows := protocol.rows(_measured(spec, protocol, snapshot))) > MOST_ROWS:
        problems.append(
            f"The evaluation would leave {rows} rows of raw outputs, and no report on more than {MOST_ROWS} is signed; ask"
            " for fewer models, smaller samples, or fewer examples at once."
        )
    if problems:
        raise SpecError(" ".join(problems))


def _measured(spec: JobSpec, protocol: Protocol, snapshot: Snapshot) -> int:
    """Return the number of examples that every model of the evaluation is measured on."""
    counts = dict(snapshot.info.counts)
    retained, held_out = counts.pop("train") - len(excluded_ids(spec)), counts.pop("held_out", 0)
    drawn = min(retained, protocol.max_retain_examples) + min(held_out, protocol.max_held_out_examples)
    return len(spec.forget_ids) + drawn + sum(counts.values())
