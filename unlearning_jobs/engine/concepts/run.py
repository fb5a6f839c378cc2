"""One job: edits a concept out of a model by every method that is asked for, and evaluates each result.

METHOD/model/   the edited model of each method, moved here when it is whole
result.json     the ConceptResult, written last and atomically: a folder that has it is complete
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import torch

from compliance.formats.canonical import canonical_json
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.catalogue import CONCEPT_METHODS, complete_concept_config
from unlearning_jobs.engine.contracts import Guarantee, MethodChoice, Progress, ProgressCallback
from unlearning_jobs.engine.contracts.concepts import ConceptSpec, Probe, normalised
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import SpecError, TrainingDivergedError
from unlearning_jobs.engine.families.language import LanguageFamily
from unlearning_jobs.engine.judging.folders import read_judged, reading
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.device import choose_device
from unlearning_jobs.engine.training.model import TrainedModel, save_model, to_device, weights_digest
from unlearning_jobs.engine.training.training_data import TrainingData

from .asking import example_of, language
from .covariance import Moments
from .findings import ConceptFinding, damage
from .measured import Measured, Measurement, Measuring, destroyed
from .methods import make_concept_method
from .split import split
from .task import Task

MOST_TEXTS: Final = 1000
"""Texts of the corpus that do not name the concept, at most: of each of those to learn from and to measure on."""
CONTROLS: Final[Mapping[str, tuple[Callable[[ConceptFinding], bool], str]]] = {
    "nothing": (
        lambda finding: finding.outcome == "undershot",
        "Doing nothing is not failed, so this evaluation shows nothing.",
    ),
    "destroyed": (
        lambda finding: bool(damage(finding)),
        "A destroyed model is not found damaged, so this evaluation shows nothing.",
    ),
}
"""What an evaluation has to say of a model that was left alone, and of one whose neighbourhood was destroyed; and what it
means if it does not. Answers that several share are given by chance, so that a destroyed model may also give too many."""
DOES_NOT_SHOW: Final = (
    "That the concept is gone: only that these questions are no longer answered, as far as they were asked.",
    "What other wordings, languages or attacks bring out; the training examples about it are still in the corpus.",
    "What a model that never learned of it would answer, unless an oracle stands beside.",
    "Chance of training: one original with one seed was edited.",
)


@dataclass(frozen=True)
class MethodResult(EngineContract):
    """What one method made."""

    method: MethodChoice
    guarantee: Guarantee
    model_digest: str
    seconds: float
    measured: Measured


@dataclass(frozen=True)
class ConceptResult(EngineContract):
    """The result of a job. Everything in a finding follows from the rows and losses beside it."""

    reference: str
    spec_digest: str
    concept_digest: str
    original: str
    """Digest of the original's weights."""
    oracle: str
    """Digest of the oracle's weights; empty without one."""
    controls: dict[str, Measured]
    """What was found of the original itself, and of a destroyed copy. Without the latter, nothing was edited."""
    methods: tuple[MethodResult, ...]
    does_not_show: tuple[str, ...] = DOES_NOT_SHOW
    assurance: Literal["behavioural"] = "behavioural"


def run_concept(spec: ConceptSpec, out: Path, on_progress: ProgressCallback, oracle: Path | None = None) -> ConceptResult:
    """Do the job and write its result to the folder `out`; `oracle` is the folder of a model that never learned the concept.

    Raises:
        EngineError: the job cannot be done; the message says why. Nothing half-written is left.
    """
    # 1. Check what can be checked before the work starts.
    if (out / "result.json").exists():
        message = f"The folder {out.name} already holds a result; choose another one."
        raise SpecError(message)
    job = _Job.prepare(spec, on_progress)
    for choice in spec.methods:
        make_concept_method(choice, spec.recipe)
    for leftover in (_draft(out), *(out / choice.name for choice in spec.methods)):
        shutil.rmtree(leftover, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)

    # 2. The models that there are already, and the controls.
    original, never = job.original(), job.oracle(oracle)
    before = job.measuring.measure(original)
    beside = job.measuring.measure(never) if never else None
    controls = {"nothing": job.measuring.found(before, before, beside)}
    result = ConceptResult(
        reference=spec.reference,
        spec_digest=spec.digest(),
        concept_digest=spec.concept.digest(),
        original=weights_digest(original),
        oracle=weights_digest(never) if never else "",
        controls=controls,
        methods=(),
    )
    if controls["nothing"].finding.outcome not in ("nothing_to_remove", "says_nothing"):
        noisy = job.measuring.measure(destroyed(original, spec.seed))
        controls["destroyed"] = job.measuring.found(before, noisy, beside)
        editing = _Editing(job, original, job.task(original, before), before, beside, controls)
        result = replace(result, methods=tuple(editing.result(choice, out) for choice in spec.methods))

    # 3. The result, last.
    draft = out / ".result.json"
    draft.write_bytes(canonical_json(result.to_json()) + b"\n")
    draft.replace(out / "result.json")
    return result


@dataclass(frozen=True)
class _Job:
    """A job in progress."""

    spec: ConceptSpec
    trainer: Trainer
    measuring: Measuring
    corpus: tuple[Example, ...]
    """Training examples that do not name the concept: what must stay as a whole."""
    others: tuple[Example, ...]
    """Those of them in which no probe stands that methods do not see."""
    about: tuple[Example, ...]
    on_progress: ProgressCallback

    @classmethod
    def prepare(cls, spec: ConceptSpec, on_progress: ProgressCallback) -> _Job:
        snapshot = Snapshot.open(spec.snapshot.path, spec.snapshot.digest)
        concept, seen = spec.concept, split(spec.concept, spec.seed)
        concept.check_part_of(example.text for example in snapshot.examples("train"))
        data = TrainingData.prepare(spec.recipe, snapshot, spec.base)
        about = snapshot.get(spec.about_ids)
        if any(example.set != "train" for example in about):
            message = "An example about the concept is no training example, so no model has learned it; leave it out."
            raise SpecError(message)
        unseen = (*seen.audit, *seen.watched)
        ids = set(spec.about_ids)
        others = [e for e in snapshot.examples("train") if e.id not in ids and not concept.named_in(e.text)]
        held_out = [e for e in snapshot.examples("held_out") if not concept.named_in(e.text)]
        texts = _sample(held_out or others, spec.seed)
        if not texts:
            message = "Every text of the corpus names the concept, so nothing shows what else a model loses."
            raise SpecError(message)
        return cls(
            spec,
            Trainer(data, Path(spec.cache), choose_device(spec.device)),
            Measuring(spec, seen, texts),
            _sample(others, spec.seed),
            tuple(_without(_sample(others, spec.seed), unseen)),
            tuple(_without(about, unseen)),
            on_progress,
        )

    def original(self) -> TrainedModel:
        """Return the model to edit, trained by the recipe if none is named."""
        if self.spec.model is None:
            return self._trained((), self.spec.seed, "train")
        folder = Path(self.spec.model.path)
        if model_digest(folder) != self.spec.model.digest:
            message = f"The model in {folder.name} is not the one that was named: its digest differs."
            raise SpecError(message)
        return self._read(folder)

    def oracle(self, folder: Path | None) -> TrainedModel | None:
        """Return the oracle, read or trained; None for none."""
        if folder is not None:
            model = self._read(folder)
            asked = [example_of(probe) for probe in self.spec.concept.probes]
            if reading(model, asked) != reading(self.original(), asked):
                message = f"The oracle in {folder.name} reads texts otherwise than the original; its tokenizer differs."
                raise SpecError(message)
            return model
        if self.spec.oracle_seed is None:
            return None
        return self._trained(self.spec.about_ids, self.spec.oracle_seed, "oracle")

    def task(self, model: TrainedModel, before: Measurement) -> Task:
        """Return what methods are given: nothing of the audit."""
        known = [p for p, a in zip(self.measuring.split.method, before.answers, strict=False) if a.given]  # they stand first
        family: LanguageFamily = language(model)
        return Task(
            names=self.spec.concept.names,
            instead=self.spec.concept.instead,
            probes=tuple(known),
            neighbours=self.measuring.split.kept,
            examples=self.about,
            others=self.others,
            training_data=replace(self.trainer.training_data, family=family),
            moments=Moments(self.trainer.cache, weights_digest(model), family.encode(self.corpus)),
            seed=self.spec.seed,
            device=self.trainer.device,
        )

    def _trained(self, exclude_ids: Sequence[str], seed: int, stage: str) -> TrainedModel:
        return self.trainer.obtain(
            exclude_ids, seed, lambda done, total, _loss: self.on_progress(Progress(stage, done, total))
        )

    def _read(self, folder: Path) -> TrainedModel:
        model = read_judged(folder)
        if model.family.description.answers != "text":
            message = f"The model in {folder.name} answers with a class, and concepts are asked for in texts."
            raise SpecError(message)
        to_device(model.network, self.trainer.device)
        return model


@dataclass(frozen=True)
class _Editing:
    """What every method of a job starts from, and is compared with."""

    job: _Job
    original: TrainedModel
    task: Task
    before: Measurement
    beside: Measurement | None
    """Of the oracle."""
    controls: dict[str, Measured]

    def result(self, choice: MethodChoice, out: Path) -> MethodResult:
        """Edit, measure, and save what came out; nothing is left of what cannot be measured."""
        job, recipe = self.job, self.job.spec.recipe
        complete = MethodChoice(choice.name, complete_concept_config(choice.name, choice.config, recipe))
        started = time.monotonic()
        edited = make_concept_method(choice, recipe).edit(self.original, self.task, job.on_progress)
        seconds = time.monotonic() - started
        if not all(torch.isfinite(weight).all() for weight in edited.network.parameters()):
            message = f"The weights became NaN or infinite by {choice.name}, so nothing was saved; change its options."
            raise TrainingDivergedError(message)
        found = job.measuring.found(self.before, job.measuring.measure(edited), self.beside)
        draft = _draft(out)
        about = {**job.trainer.about((), job.spec.seed), "concept": job.spec.concept.digest(), "assurance": "behavioural"}
        save_model(edited, draft / "model", {**about, "method": complete.to_json()})
        draft.replace(out / choice.name)
        return MethodResult(
            complete,
            CONCEPT_METHODS[choice.name].guarantee,
            model_digest(out / choice.name / "model"),
            round(seconds, 3),
            _controlled(found, self.controls),
        )


def _controlled(measured: Measured, controls: dict[str, Measured]) -> Measured:
    """Return what was found, or that it says nothing because a control was not failed as it must be."""
    wrong = tuple(said for name, (behaved, said) in CONTROLS.items() if not behaved(controls[name].finding))
    if not wrong:
        return measured
    finding = replace(measured.finding, outcome="says_nothing", reasons=wrong)
    return replace(measured, finding=finding)


def _sample(examples: Sequence[Example], seed: int) -> tuple[Example, ...]:
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed)).tolist()
    return tuple(examples[place] for place in sorted(order[:MOST_TEXTS]))


def _without(examples: Sequence[Example], probes: Sequence[Probe]) -> Iterator[Example]:
    """Yield the examples in which none of the probes stands."""
    prompts = [f" {normalised(probe.prompt)} " for probe in probes]
    for example in examples:
        text = f" {normalised(example.text)} "
        if not any(prompt in text for prompt in prompts):
            yield example


def _draft(out: Path) -> Path:
    return out / ".draft"
